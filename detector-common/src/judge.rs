//! How evidence is joined, passed on and spent: the rules that the kernel side and the engine share.

use crate::{
    set::Bits,
    watch::{below, some},
};

/// What a holder holds, by the strength of the evidence ([`crate::state::Holder`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sets {
    /// The secret itself.
    pub held: Bits,
    /// Opened by a declared reader of the class.
    pub own: Bits,
    /// Opened by an interpreter that runs the class's SDK.
    pub soft: Bits,
    /// Upstream of it.
    pub inherited: Bits,
}

impl Sets {
    /// Everything but what is only inherited.
    #[inline(always)]
    pub fn strong(&self) -> Bits {
        self.held | self.own | self.soft
    }

    /// Everything.
    #[inline(always)]
    pub fn all(&self) -> Bits {
        self.strong() | self.inherited
    }

    /// As the records have it.
    #[inline(always)]
    pub fn to_array(self) -> [Bits; 4] {
        [self.held, self.own, self.soft, self.inherited]
    }

    /// What the program passes on, to a child's image or through a pipe: what as held, and what as inherited. `quiet` says that its
    /// command line keeps to itself what it opened as a reader; `plain` that nothing of it can be in what is passed on.
    #[inline(always)]
    pub fn passed(&self, quiet: bool, plain: bool) -> (Bits, Bits) {
        // VERIFIER: masks instead of branches, here and below.
        let own = self.own & unless(quiet);
        let strong = (self.held | own | self.soft) & unless(plain);
        (strong, self.all() & !strong)
    }
}

/// New tokens in the arguments from which on these count as a copy of the environment.
const COPIES: u64 = 2;

/// What an exec shows of what comes along.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passage {
    /// The command line before was a quiet one.
    pub quiet: bool,
    /// Arguments or environment have a token that the image before had in neither.
    pub fresh: bool,
    /// Tokens in the arguments that those before had not.
    pub copied: u32,
    /// Classes joined by dumping the environment.
    pub dump: Bits,
}

/// What a program may read as what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader {
    /// Classes of which it is a declared reader.
    pub reads: Bits,
    /// Classes whose SDK it runs; none for what is no interpreter.
    pub sdk: Bits,
    /// Policy knows the program: whether it has an SDK compiled in is known, too.
    pub known: bool,
}

impl Reader {
    /// What it joins by opening a file of `classes` itself.
    #[inline(always)]
    pub fn opens(&self, classes: Bits) -> Sets {
        let own = classes & self.reads;
        let soft = classes & !own & self.sdk;
        Sets { held: classes & !own & !soft, own, soft, inherited: 0 }
    }

    /// What it joins by asking a metadata service for the credentials of `classes`. A program that nobody knows may have the SDK
    /// compiled in. Who has the class of an SDK already, as `sets` say, is still one user of one cloud.
    #[inline(always)]
    pub fn asks(&self, classes: Bits, sets: &Sets) -> Sets {
        let own = classes & self.reads;
        let user = classes & !own & (self.sdk | unless(self.known));
        Sets { held: classes & !own & !user, own, soft: user & unless(sets.soft != 0), ..Sets::default() }
    }
}

/// What a file or pipe has for who reads it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offer {
    /// What holders wrote into it.
    pub carried: Bits,
    /// What it may carry.
    pub inherited: Bits,
    /// Classes of the credential that it is, those that are only recorded left out.
    pub credential: Bits,
    /// It is the standard input that a new program was given.
    pub handed: bool,
}

impl Sets {
    /// What the image that an exec puts in the place of the holder's has.
    #[inline(always)]
    pub fn after_exec(&self, passage: &Passage) -> Self {
        let Passage { quiet, fresh, copied, dump } = *passage;
        let (strong, _) = self.passed(quiet, false);
        let dumped = strong & dump & below(COPIES - 1, u64::from(copied)).wrapping_neg();
        let held = strong & !unless(fresh) | dumped & unless(fresh);
        Self { held, inherited: self.all() & !held, ..Self::default() }
    }

    /// What the holder joins by reading what is `offered`. Of what was handed to it no reader is the reader.
    #[inline(always)]
    pub fn taken(&self, offered: &Offer, reader: &Reader) -> Self {
        let carried = offered.carried & !self.held;
        let handed = offered.credential & !self.held & !unless(offered.handed);
        let mut new = reader.opens(offered.credential & !(self.strong() | carried) & unless(offered.handed));
        new.held |= carried | handed;
        new.inherited = offered.inherited & !(self.held | self.inherited | new.strong());
        new
    }
}

/// Where to, and under which conditions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spending {
    /// What the destination accepts from anyone.
    pub accepted: Bits,
    /// What it accepts of what the process read itself, as a declared reader or as the user of its SDK.
    pub accepted_for_reader: Bits,
    /// What the socket carries already.
    pub socket: Bits,
    /// The process descends from an install hook.
    pub hook: bool,
    /// It is a declared tool that makes releases.
    pub release: bool,
    /// Classes of a forge.
    pub forge: Bits,
    /// Classes of registries.
    pub registry: Bits,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// All that is carried.
    pub carried: Bits,
    /// What the destination does not accept, and policy enforces.
    pub leak: Bits,
    /// What it does not accept, and is reported only.
    pub weak: Bits,
    /// What the socket carries from now on: what may be refused elsewhere, or is refused here.
    pub mark: Bits,
}

/// No class where `condition` holds, else all.
#[inline(always)]
fn unless(condition: bool) -> Bits {
    (some(u64::from(condition)) ^ 1).wrapping_neg()
}

/// Judges sending what a process holds and its socket carries.
///
/// VERIFIER: without branches; with them the kernel side's programs were a million instructions.
#[inline(always)]
pub fn judge(sets: &Sets, spending: &Spending) -> Judged {
    let Spending { accepted, accepted_for_reader, socket, hook, release, forge, registry } = *spending;
    // What the reader may spend here is its own business, and no mark on the socket.
    let own = sets.own & !accepted_for_reader;
    let used = sets.soft & !accepted_for_reader;
    let strong = sets.held | own | used | socket;
    let refused = strong & !accepted;
    // A lone SDK class, as its program opened it: nothing tells the thief from the user of a mirror.
    let soft = used & !(sets.held | sets.own | socket);
    let lone = is_one(strong) & is_none(strong ^ soft);
    // A release needs the forge and one registry, and often one process holds both. Of a tool that is there for that one is enough,
    // since the other may be in its environment.
    let (forges, registries) = (strong & forge, strong & registry);
    let both = is_one(forges) & is_one(registries) & some(strong & accepted);
    let either = (is_one(forges) ^ is_one(registries)) & (is_none(forges) | is_none(registries));
    let other = accepted & (forge & unless(some(forges) != 0) | registry & unless(some(registries) != 0));
    let either = either & some(other) & some(u64::from(release));
    let pair = is_none(strong & !(forge | registry)) & (both | either);
    let alert = refused & unless(hook) & (lone | pair).wrapping_neg();
    let inherited = sets.inherited & !(sets.strong() | socket) & !(accepted | accepted_for_reader);
    Judged { carried: sets.all() | socket, leak: refused & !alert, weak: alert | inherited, mark: strong & !alert }
}

/// 1 when `set` has no class, else 0.
#[inline(always)]
fn is_none(set: Bits) -> u64 {
    some(set) ^ 1
}

/// 1 when `set` has exactly one class, else 0.
#[inline(always)]
fn is_one(set: Bits) -> u64 {
    some(set) & is_none(set & set.wrapping_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORGE: Bits = 1;
    const NPM: Bits = 2;
    const PYPI: Bits = 4;
    const AWS: Bits = 8;

    fn at(accepted: Bits) -> Spending {
        Spending { accepted, forge: FORGE, registry: NPM | PYPI, ..Spending::default() }
    }

    fn held(held: Bits) -> Sets {
        Sets { held, ..Sets::default() }
    }

    #[test]
    fn what_is_held_is_refused_where_it_is_not_accepted() {
        let judged = judge(&held(AWS | NPM), &at(NPM));
        assert_eq!((judged.leak, judged.weak, judged.mark), (AWS, 0, AWS | NPM));
        assert_eq!(judge(&held(AWS), &at(AWS)).leak, 0);
    }

    #[test]
    fn an_install_hook_leaks_as_anyone_does() {
        for hook in [false, true] {
            let judged = judge(&held(AWS | NPM), &Spending { hook, ..at(NPM) });
            assert_eq!((judged.leak, judged.weak, judged.mark), (AWS, 0, AWS | NPM));
        }
    }

    #[test]
    fn what_a_socket_carries_is_judged_with_it() {
        let judged = judge(&Sets::default(), &Spending { socket: AWS, ..at(0) });
        assert_eq!((judged.carried, judged.leak), (AWS, AWS));
    }

    #[test]
    fn a_reader_spends_its_own_and_nothing_that_was_handed_to_it() {
        let spending = Spending { accepted_for_reader: AWS, ..at(0) };
        let own = Sets { own: AWS, ..Sets::default() };
        assert_eq!(judge(&own, &spending), Judged { carried: AWS, ..Judged::default() });
        assert_eq!(judge(&Sets { held: AWS, ..own }, &spending).leak, AWS);
        assert_eq!(judge(&own, &at(0)).leak, AWS);
    }

    #[test]
    fn the_user_of_an_sdk_spends_where_its_readers_do() {
        let spending = Spending { accepted_for_reader: AWS, ..at(0) };
        let soft = Sets { soft: AWS, ..Sets::default() };
        assert_eq!(judge(&soft, &spending), Judged { carried: AWS, ..Judged::default() });
        assert_eq!(judge(&Sets { held: AWS, ..soft }, &spending).leak, AWS, "handed to it, too");
    }

    #[test]
    fn inherited_is_reported_and_never_refused() {
        let judged = judge(&Sets { inherited: AWS | NPM, ..Sets::default() }, &at(NPM));
        assert_eq!((judged.leak, judged.weak, judged.mark), (0, AWS, 0));
        assert_eq!(judge(&Sets { inherited: AWS, ..held(AWS) }, &at(AWS)).weak, 0, "held already, and accepted");
    }

    #[test]
    fn a_lone_sdk_class_is_an_alert_and_with_company_a_leak() {
        let soft = Sets { soft: AWS, ..Sets::default() };
        let judged = judge(&soft, &at(0));
        assert_eq!((judged.leak, judged.weak, judged.mark), (0, AWS, 0));
        assert_eq!(judge(&Sets { held: NPM, ..soft }, &at(0)).leak, AWS | NPM);
        assert_eq!(judge(&soft, &Spending { hook: true, ..at(0) }).leak, AWS);
        assert_eq!(judge(&Sets { held: AWS, ..soft }, &at(0)).leak, AWS, "handed to it, too");
    }

    #[test]
    fn a_release_may_spend_its_two_tokens_at_either_place() {
        for place in [FORGE, NPM] {
            let judged = judge(&held(FORGE | NPM), &at(place));
            assert_eq!((judged.leak, judged.weak, judged.mark), (0, (FORGE | NPM) & !place, place));
        }
        assert_eq!(judge(&held(FORGE | NPM), &at(0)).leak, FORGE | NPM, "elsewhere");
        assert_eq!(judge(&held(FORGE | NPM | AWS), &at(FORGE)).leak, NPM | AWS, "a third class");
        assert_eq!(judge(&held(FORGE | NPM | PYPI), &at(FORGE)).leak, NPM | PYPI, "two registries");
        assert_eq!(judge(&held(FORGE | NPM), &Spending { hook: true, ..at(FORGE) }).leak, NPM, "an install hook");
        assert_eq!(judge(&held(NPM), &at(FORGE)).leak, NPM, "one is no pair");
    }

    #[test]
    fn a_release_tool_may_have_the_other_token_in_its_environment() {
        let tool = |accepted| Spending { release: true, ..at(accepted) };
        for (has, place) in [(NPM, FORGE), (FORGE, NPM)] {
            let judged = judge(&held(has), &tool(place));
            assert_eq!((judged.leak, judged.weak, judged.mark), (0, has, 0));
        }
        assert_eq!(judge(&held(NPM), &tool(NPM)), Judged { carried: NPM, mark: NPM, ..Judged::default() });
        assert_eq!(judge(&held(NPM), &tool(0)).leak, NPM, "elsewhere");
        assert_eq!(judge(&held(NPM), &tool(AWS)).leak, NPM, "where neither is spent");
        assert_eq!(judge(&held(NPM), &tool(PYPI)).leak, NPM, "another registry");
        assert_eq!(judge(&held(AWS), &tool(FORGE)).leak, AWS, "another's");
        assert_eq!(judge(&held(NPM | PYPI), &tool(FORGE)).leak, NPM | PYPI, "two registries");
        assert_eq!(judge(&held(NPM), &Spending { hook: true, ..tool(FORGE) }).leak, NPM, "an install hook");
    }

    #[test]
    fn an_exec_passes_on_what_its_arguments_may_carry() {
        let sets = Sets { held: NPM, own: AWS, soft: PYPI, inherited: FORGE };
        let exec = |passage| {
            let Sets { held, own, soft, inherited } = sets.after_exec(&passage);
            assert_eq!((own, soft, held & inherited, held | inherited), (0, 0, 0, sets.all()), "{passage:?}");
            held
        };
        let plain = Passage { dump: NPM | AWS, ..Passage::default() };
        assert_eq!(exec(plain), 0);
        assert_eq!(exec(Passage { fresh: true, ..plain }), NPM | AWS | PYPI);
        assert_eq!(exec(Passage { fresh: true, quiet: true, ..plain }), NPM | PYPI);
        assert_eq!(exec(Passage { copied: 2, ..plain }), NPM | AWS);
        assert_eq!(exec(Passage { copied: 2, quiet: true, ..plain }), NPM);
        assert_eq!(exec(Passage { copied: 1, ..plain }), 0);
    }

    #[test]
    fn a_reader_reads_what_it_opens_and_not_what_it_is_handed() {
        let reader = Reader { reads: FORGE, sdk: FORGE | AWS, known: true };
        let opened = reader.opens(FORGE | AWS | NPM);
        assert_eq!(opened, Sets { held: NPM, own: FORGE, soft: AWS, inherited: 0 });
        let file = Offer { credential: FORGE | AWS | NPM, ..Offer::default() };
        assert_eq!(Sets::default().taken(&file, &reader), opened);
        assert_eq!(opened.taken(&file, &reader), Sets::default(), "it has it already");
        let handed = Offer { handed: true, ..file };
        assert_eq!(opened.taken(&handed, &reader), held(FORGE | AWS));
        let pipe = Offer { carried: AWS | NPM, inherited: FORGE | NPM | PYPI, ..Offer::default() };
        assert_eq!(opened.taken(&pipe, &reader), Sets { held: AWS, inherited: FORGE | PYPI, ..Sets::default() });
    }

    #[test]
    fn who_asks_a_metadata_service_is_taken_for_what_may_use_it() {
        let none = Sets::default();
        let bare = Reader { known: true, ..Reader::default() };
        assert_eq!(bare.asks(AWS, &none), held(AWS), "curl, a shell");
        let own = Sets { own: AWS, ..none };
        assert_eq!(Reader { reads: AWS, ..bare }.asks(AWS, &none), own, "its declared reader");
        let soft = Sets { soft: AWS, ..Sets::default() };
        assert_eq!(Reader { sdk: AWS, ..bare }.asks(AWS, &none), soft, "an interpreter with the SDK");
        assert_eq!(Reader { sdk: NPM, ..bare }.asks(AWS, &none), held(AWS), "with another one");
        assert_eq!(Reader { known: false, ..bare }.asks(AWS, &none), soft, "nobody knows what is compiled in");
        let user = Sets { soft: NPM, ..none };
        assert_eq!(Reader { sdk: AWS, ..bare }.asks(AWS, &user), none, "it has read its SDK's files");
    }

    #[test]
    fn a_quiet_reader_passes_its_own_on_as_inherited() {
        let sets = Sets { held: NPM, own: AWS, soft: PYPI, inherited: FORGE };
        assert_eq!(sets.passed(true, false), (NPM | PYPI, AWS | FORGE));
        assert_eq!(sets.passed(false, false), (NPM | PYPI | AWS, FORGE));
        assert_eq!(sets.passed(false, true), (0, NPM | PYPI | AWS | FORGE));
    }
}
