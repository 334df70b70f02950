//! What survives redaction and what does not.

use super::{argv, component, path, text};

fn arguments(arguments: &[&str], strict: bool) -> Vec<String> {
    argv(arguments.iter().flat_map(|a| [a.as_bytes(), b"\0"].concat()).collect::<Vec<_>>().as_slice(), strict)
}

fn plain(argument: &str) -> String {
    arguments(&["x", argument], false).remove(1)
}

fn strict(argument: &str) -> String {
    arguments(&["x", argument], true).remove(1)
}

#[test]
fn honest_arguments_survive() {
    for honest in [
        "--manifest-path",
        "-I/usr/include/x86_64-linux-gnu",
        "--target=x86_64-unknown-linux-gnu",
        "--max-old-space-size=4096",
        "libfoo-1.2.3.so",
        "python3.11",
        "/usr/lib/python3.11/site-packages/pip/__main__.py",
        "/opt/hostedtoolcache/node/20.11.1/x64/bin/node",
        "./target/release/build-script-build",
        "../some-long-directory-name/and_another_one",
        "https://packages.example.test/left-pad/-/left-pad-1.3.0.tgz",
        "AVeryLongCamelCaseIdentifierOfJava",
        "GITHUB_ACTIONS_RUNNER_NAME",
        "npm_config_registry",
        "--token-file=/run/x",
        "a::very_secret::path",
        "src/foo2/bar_baz.c",
        "8080:80",
    ] {
        assert_eq!(plain(honest), honest);
    }
}

#[test]
fn tokens_do_not_survive() {
    for (secret, shown) in [
        ("ghp_abcdefgh", "‹redacted:12›"),
        ("x=ghs_16C7e42F292c6912E7710c838347Ae178B4a", "x=‹redacted:40›"),
        ("AKIAIOSFODNN7EXAMPLE", "‹redacted:20›"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "‹redacted:40›"),
        ("3f2c8a1b-9e4d-4c5f-8a6b-7c8d9e0f1a2b", "‹redacted:36›"),
        ("https://bob:s3cret@host.example/x", "https://‹redacted:10›@host.example/x"),
        ("https://x-access-token:a/b@host/x", "https://‹redacted:18›@host/x"),
        ("http://host:4873/@scope/name", "http://host:4873/@scope/name"),
        ("--password=hunter2", "--password=‹redacted:7›"),
        ("-phunter2", "-p‹redacted:7›"),
        ("-ubob:hunter2", "-ubob:‹redacted:7›"),
        ("Authorization: Bearer abc", "Authorization: ‹redacted:10›"),
        ("-HPRIVATE-TOKEN: abc", "-HPRIVATE-TOKEN: ‹redacted:3›"),
        ("https://h/?token=abc&x=1", "https://h/?token=‹redacted:3›&x=1"),
        ("//r.example/:_authToken=abc", "//r.example/:_authToken=‹redacted:3›"),
        ("{\"password\": \"a b\", \"n\": 1}", "{\"password\": \"‹redacted:3›\", \"n\": 1}"),
        ("curl -H 'Cookie: a=b' https://h", "curl -H 'Cookie: ‹redacted:3›' https://h"),
        ("/0123456789abcdef0123/x", "/‹redacted:20›/x"),
    ] {
        assert_eq!(plain(secret), shown, "{secret}");
    }
}

#[test]
fn an_option_speaks_for_the_argument_after_it() {
    assert_eq!(arguments(&["x", "--password", "hunter2", "y"], false)[2..], ["‹redacted:7›", "y"]);
    assert_eq!(arguments(&["x", "--password", "--verbose"], false)[2], "--verbose");
    assert_eq!(arguments(&["x", "--password-stdin", "y"], false)[2], "y");
    assert_eq!(arguments(&["curl", "-u", "bob:hunter2"], false)[2], "bob:‹redacted:7›");
    assert_eq!(arguments(&["/usr/bin/docker", "login", "-p", "hunter2"], false)[3], "‹redacted:7›");
    assert_eq!(arguments(&["mkdir", "-p", "a/b"], false)[2], "a/b");
}

#[test]
fn under_strict_only_names_paths_and_hosts_stay() {
    for (argument, shown) in [
        ("--manifest-path", "--manifest-path"),
        ("--data-binary=correct horse battery", "--data-binary=‹redacted:21›"),
        ("/usr/lib/python3/dist-packages", "/usr/lib/python3/dist-packages"),
        ("correct horse battery staple", "‹redacted:28›"),
        ("https://evil.example.net:8443/collect/everything", "https://evil.example.net:8443‹redacted:19›"),
        ("https://a:b@evil.example.net/x", "https://‹redacted:3›@evil.example.net/x"),
        ("short words", "short words"),
    ] {
        assert_eq!(strict(argument), shown, "{argument}");
    }
}

#[test]
fn a_cut_argument_says_so_and_hides_what_may_be_half_a_token() {
    assert_eq!(argv(b"curl\0-H\0a1b2c3d4e5", false), ["curl", "-H", "‹redacted:10›…"]);
    assert_eq!(argv(b"curl\0--manifest-pa", false), ["curl", "--manifest-pa…"]);
    assert_eq!(argv(b"", false), Vec::<String>::new());
    assert_eq!(argv(b"\0", false), [""]);
    assert_eq!(argv(b"a\0\0b\0", false), ["a", "", "b"]);
}

#[test]
fn text_is_bounded_after_redaction() {
    assert_eq!(text(b"hello world", 5), "hello…");
    assert_eq!(text(b"hello", 5), "hello");
    assert_eq!(text("ääää".as_bytes(), 3), "ä…");
    assert!(!text(b"0123456789abcdef0123", 10).contains("0123456789"));
}

#[test]
fn a_path_keeps_the_words_around_its_tokens() {
    assert_eq!(path(b"/root/.aws/credentials"), "/root/.aws/credentials");
    assert_eq!(path(b"/etc/ssh/ssh_host_ed25519_key"), "/etc/ssh/ssh_host_ed25519_key");
    let name = b"git-credentials-3f2c8a1b-9e4d-4c5f-8a6b-7c8d9e0f1a2b.config";
    assert_eq!(component(name), "git-credentials-‹redacted:36›.config");
    assert_eq!(path(b"/a/\xff\\/0123456789abcdef0.json"), "/a/\\xff\\\\/‹redacted:17›.json");
}

/// xorshift64*: the same numbers in every run.
fn random(state: &mut u64) -> usize {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize
}

#[test]
fn no_random_token_survives() {
    const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = 7;
    let (mut tried, mut missed) = (0, Vec::new());
    for alphabet in [&BASE64[..], URL, &BASE64[26..62], b"0123456789abcdef", b"0123456789ABCDEF"] {
        for len in 16..80 {
            for _ in 0..20 {
                let token: String =
                    (0..len).map(|_| char::from(alphabet[random(&mut state) % alphabet.len()])).collect();
                let both = |is: fn(&u8) -> bool| token.bytes().any(|b| is(&b));
                if !both(u8::is_ascii_alphabetic) || !both(u8::is_ascii_digit) {
                    continue;
                }
                tried += 1;
                let around = [token.clone(), format!("k={token}"), format!("{token}=="), format!("a {token} \"b")];
                let shown = around.iter().flat_map(|text| [plain(text), strict(text), text_of(text)]);
                missed.extend(shown.filter(|shown| shown.contains(&token)));
                let uuid = format!("{}-{}-{}", &token[..8], &token[8..12], &token[12..]);
                if alphabet.len() == 16 && path(format!("/tmp/{uuid}.sh").as_bytes()).contains(&uuid) {
                    missed.push(uuid);
                }
            }
        }
    }
    assert!(tried > 5_000 && missed.is_empty(), "{tried} tried, survived: {missed:?}");
}

fn text_of(token: &str) -> String {
    text(token.as_bytes(), 4096)
}

#[test]
fn no_bytes_make_it_panic_or_print_a_control() {
    let mut state = 11;
    for len in 0..400 {
        // From a small alphabet, so that the signs meet.
        let alphabet = b"a1/=:@\"'-p. \0\\\xe2\x80\xa6\n\xffZ~?&";
        let bytes: Vec<u8> = (0..len).map(|_| alphabet[random(&mut state) % alphabet.len()]).collect();
        for shown in [text(&bytes, 64), path(&bytes), component(&bytes)]
            .into_iter()
            .chain(argv(&bytes, false))
            .chain(argv(&bytes, true))
        {
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
        }
        assert!(text(&bytes, 64).len() <= 64 + '…'.len_utf8());
    }
}
