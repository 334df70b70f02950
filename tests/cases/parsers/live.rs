//! The same answers on the wire: what the kernel learned of them.

use crate::SEED;
use detector::event::Body;
use detector_tests::{
    fixture,
    name_server::{
        Name, NameServer, Zone,
        random::Random,
        reference::{asked, taught},
    },
    namespace::SINK_V4,
    resolver::Resolver,
    scene::Scene,
    watched::Watched,
};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    net::{IpAddr, SocketAddr},
};

const MESSAGES: u16 = 5_000;
/// Of half of the names policy says something: those are told of in another ring.
const POLICY: &str = "version: 1\nextends: builtin\ndestinations:\n  - { to: ['**.odd.test'], accept: [aws] }\n";

/// A name of its own; labels so short are not redacted.
fn name(random: &mut Random, n: u16) -> String {
    let letter = |n: u16| char::from(b"abcdefghijklmnopqrstuvwxyz"[usize::from(n % 26)]);
    let mut name: String = [n / 676, n / 26, n].map(letter).iter().collect();
    for length in [1, 3, 2, 3, 1, 2, 3, 3].into_iter().take(random.of(&[0, 0, 0, 2, 8])) {
        name = format!("{name}.{}", random.letters(length));
    }
    format!("{name}.{}.test", random.of(&["odd", "dull"]))
}

#[test]
fn the_kernel_learns_what_the_rules_say() -> anyhow::Result<()> {
    println!("seed {SEED:#x}");
    let mut random = Random::new(SEED);
    let (mut questions, mut answers) = (Vec::new(), HashMap::new());
    let mut expected: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for n in 0..MESSAGES {
        let name = name(&mut random, n);
        let mut question = random.question(&Name::from(name.as_str()));
        // Each another id: an odd factor makes no two of them the same.
        let id = n.wrapping_mul(40_503);
        question[..2].copy_from_slice(&id.to_be_bytes());
        let answer = random.answer(&question);
        let addresses = asked(&question).and_then(|asked| taught(&answer, &asked)).unwrap_or_default();
        if !addresses.is_empty() {
            expected.insert(name, addresses);
        }
        questions.extend(u16::try_from(question.len())?.to_be_bytes());
        questions.extend(question);
        answers.insert(id, answer);
    }
    println!("{MESSAGES} messages, {} with addresses", expected.len());

    let scene = Scene::new()?;
    let of = move |question: &[u8]| {
        let id = question.first_chunk().map(|id| u16::from_be_bytes(*id));
        id.and_then(|id| answers.get(&id)).cloned().into_iter().collect()
    };
    let _server = NameServer::start(&scene.network.sink, Zone::new().raw("*.test", of))?;
    let file = scene.home.path().join("questions");
    fs::write(&file, questions)?;
    let server = SocketAddr::new(SINK_V4, 53).to_string();
    let command = fixture::act(&["ask-names", &server, &file.to_string_lossy()])?;
    let job = scene.job(command).policy(POLICY).mode("enforce").resolver(Resolver::default());
    let run = Watched::run(&scene, &job)?;
    assert_eq!(run.outcome.code(), Some(0), "{}", String::from_utf8_lossy(&run.outcome.stderr));

    let mut learned: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for event in &run.recording.events {
        if let Body::Name(name) = &event.body {
            let before = learned.insert(name.name.clone(), name.addresses.clone());
            assert_eq!(before, None, "{} was learned twice", name.name);
        }
    }
    let counters = &run.recording.footer.counters;
    for (name, addresses) in &expected {
        assert_eq!(learned.get(name), Some(addresses), "{name}; {counters:?}");
    }
    learned.retain(|name, _| !expected.contains_key(name));
    assert!(learned.is_empty(), "{learned:?}");
    Ok(())
}
