//! The machine of a program's command lines: `detector_common::command` walks its rows in the kernel and in the engine.

use super::form::{Line, OptionForm, Part};
use detector_common::command::{Argument, END, FIRST, Next, OPERAND, VALUE, walk, word};
use std::collections::{BTreeMap, BTreeSet};

/// A place in one of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: usize,
    /// The part that comes next.
    part: usize,
    expects: Expects,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Expects {
    /// An option or the next part.
    Part,
    /// The value of an option.
    Value,
    /// The value that stands with this option in the list of the part.
    Given(usize),
    /// Anything until the end.
    Rest,
}

/// One argument, or all of a kind that stand in no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Input<'a> {
    /// This one.
    Whole(&'a str),
    /// Another that starts so.
    Head(&'a str),
    /// Another operand.
    Operand,
    /// Another option.
    Other,
}

impl Input<'_> {
    fn word(self) -> u64 {
        match self {
            Self::Whole(text) | Self::Head(text) => word(text.as_bytes()),
            Self::Operand => OPERAND,
            Self::Other => VALUE,
        }
    }

    fn is_operand(self) -> bool {
        match self {
            Self::Whole(text) => Argument::new(text.as_bytes()).option == 0,
            Self::Operand => true,
            Self::Head(_) | Self::Other => false,
        }
    }
}

/// Rows by state and word.
type Rows = BTreeMap<(u16, u64), Next>;

/// The machine. States are numbered from [`FIRST`].
#[derive(Clone, Debug, Default)]
pub(super) struct Machine(Rows);

impl Machine {
    /// The machine of `lines`, each with the flags that it gives; `None` when it has too many states.
    pub(super) fn compile(lines: &[(Line, u16)]) -> Option<Self> {
        let start: BTreeSet<_> = (0..lines.len()).map(|line| Place { line, part: 0, expects: Expects::Part }).collect();
        let mut numbers = BTreeMap::from([(start.clone(), 0_usize)]);
        let (mut waiting, mut states) = (vec![start], Vec::new());
        let mut next = 0;
        while next < waiting.len() {
            let places = waiting[next].clone();
            next += 1;
            let flags =
                places.iter().filter(|place| ends(lines, place)).fold(0, |all, place| all | lines[place.line].1);
            let mut moves = BTreeMap::new();
            for input in inputs(lines, &places) {
                let target: BTreeSet<_> = places.iter().flat_map(|place| after(lines, *place, input)).collect();
                let number = numbers.len();
                // Nowhere is a state, too: a word may be excepted from what its kind leads to.
                let number = *numbers.entry(target.clone()).or_insert_with(|| {
                    waiting.push(target);
                    number
                });
                moves.insert(input.word(), (input.is_operand(), number));
            }
            states.push(State { flags, moves });
        }
        let nowhere = numbers.get(&BTreeSet::new()).copied();
        Some(Self(rows(&states, &merged(&states), nowhere)?))
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = ((u16, u64), Next)> + '_ {
        self.0.iter().map(|(key, next)| (*key, *next))
    }

    /// Flags of the line `arguments`.
    pub(super) fn flags(&self, arguments: &[String]) -> u16 {
        let arguments = arguments.iter().map(|argument| Argument::new(argument.as_bytes()));
        walk(arguments, |state, word| self.0.get(&(state, word)).copied())
    }
}

/// A state before it has its number.
#[derive(Debug)]
struct State {
    /// Of a line that ends here.
    flags: u16,
    /// By word: whether that is an operand, and the next state.
    moves: BTreeMap<u64, (bool, usize)>,
}

/// Whether a line may end at `place`.
fn ends(lines: &[(Line, u16)], place: &Place) -> bool {
    match place.expects {
        Expects::Part => {
            matches!(lines[place.line].0.parts.get(place.part), None | Some(Part::Operands | Part::Anything))
        }
        Expects::Value | Expects::Given(_) => false,
        Expects::Rest => true,
    }
}

/// Where `input` leads from `place`.
fn after(lines: &[(Line, u16)], place: Place, input: Input<'_>) -> Vec<Place> {
    let to = |part, expects| Place { part, expects, ..place };
    let line = &lines[place.line].0;
    match place.expects {
        Expects::Value => return vec![to(place.part, Expects::Part)],
        Expects::Rest => return vec![place],
        Expects::Given(at) => {
            let is = matches!((&line.options[place.part][at], input),
                (OptionForm::Given(_, value), Input::Whole(text)) if value == text);
            return if is { vec![to(place.part, Expects::Part)] } else { Vec::new() };
        }
        Expects::Part => {}
    }
    let mut all = Vec::new();
    for (at, option) in line.options[place.part].iter().enumerate() {
        match (option, input) {
            (OptionForm::Flag(name), Input::Whole(text)) if name == text => all.push(place),
            (OptionForm::Valued(name), Input::Whole(text)) if name == text => all.push(to(place.part, Expects::Value)),
            (OptionForm::Given(name, _), Input::Whole(text)) if name == text => {
                all.push(to(place.part, Expects::Given(at)));
            }
            (OptionForm::Joined(head), Input::Whole(text) | Input::Head(text)) if text.starts_with(head) => {
                all.push(place);
            }
            _ => {}
        }
    }
    match line.parts.get(place.part) {
        Some(Part::Words(words)) => {
            if let Input::Whole(text) = input
                && words.iter().any(|word| word == text)
            {
                all.push(to(place.part + 1, Expects::Part));
            }
        }
        Some(Part::Operand(except)) => {
            let excepted = matches!(input, Input::Whole(text) if except.iter().any(|word| word == text));
            if input.is_operand() && !excepted {
                all.push(to(place.part + 1, Expects::Part));
            }
        }
        Some(Part::Operands) if input == Input::Whole("--") => all.push(to(place.part, Expects::Rest)),
        Some(Part::Operands) if input.is_operand() => all.push(place),
        Some(Part::Anything) => all.push(to(place.part, Expects::Rest)),
        _ => {}
    }
    all
}

/// What has to be told apart at `places`.
fn inputs<'a>(lines: &'a [(Line, u16)], places: &BTreeSet<Place>) -> BTreeSet<Input<'a>> {
    let mut all = BTreeSet::from([Input::Operand, Input::Other]);
    for place in places {
        let line = &lines[place.line].0;
        match place.expects {
            Expects::Part => {}
            Expects::Given(at) => {
                if let OptionForm::Given(_, value) = &line.options[place.part][at] {
                    all.insert(Input::Whole(value));
                }
                continue;
            }
            Expects::Value | Expects::Rest => continue,
        }
        all.extend(line.options[place.part].iter().map(|option| match option {
            OptionForm::Flag(name) | OptionForm::Valued(name) | OptionForm::Given(name, _) => Input::Whole(name),
            OptionForm::Joined(head) => Input::Head(head),
        }));
        match line.parts.get(place.part) {
            Some(Part::Words(words) | Part::Operand(words)) => all.extend(words.iter().map(|word| Input::Whole(word))),
            Some(Part::Operands) => {
                all.insert(Input::Whole("--"));
            }
            _ => {}
        }
    }
    all
}

/// For each state the first one that does the same.
fn merged(states: &[State]) -> Vec<usize> {
    let mut class: Vec<usize> = states.iter().map(|state| usize::from(state.flags)).collect();
    loop {
        let mut first = BTreeMap::new();
        let next: Vec<_> = states
            .iter()
            .enumerate()
            .map(|(i, state)| {
                let moves: Vec<_> = state.moves.iter().map(|(word, (_, to))| (*word, class[*to])).collect();
                *first.entry((class[i], moves)).or_insert(i)
            })
            .collect();
        if next == class {
            return class;
        }
        class = next;
    }
}

fn rows(states: &[State], merged: &[usize], nowhere: Option<usize>) -> Option<Rows> {
    let nowhere = nowhere.map(|state| merged[state]);
    let kept: BTreeSet<_> = merged.iter().copied().filter(|state| Some(*state) != nowhere || *state == 0).collect();
    let mut numbers: BTreeMap<usize, u16> = kept.iter().copied().zip(FIRST..=u16::MAX).collect();
    if numbers.len() < kept.len() {
        return None;
    }
    numbers.extend(nowhere.map(|state| (state, 0)));
    let mut rows = Rows::new();
    for (state, number) in numbers.iter().filter(|(_, number)| **number != 0) {
        let State { flags, moves } = &states[*state];
        let to = |word: u64| moves.get(&word).map(|(_, to)| merged[*to]);
        for (word, (operand, target)) in moves {
            let target = merged[*target];
            // What stands in no row of its own goes the common way.
            let common = match *word {
                VALUE => None,
                OPERAND => to(VALUE),
                _ if *operand => to(OPERAND).or_else(|| to(VALUE)),
                _ => to(VALUE),
            };
            let same = common.map_or(Some(target) == nowhere, |common| common == target);
            if !same {
                rows.insert((*number, *word), Next { state: numbers[&target], flags: 0 });
            }
        }
        if *flags != 0 {
            rows.insert((*number, END), Next { state: 0, flags: *flags });
        }
    }
    Some(rows)
}
