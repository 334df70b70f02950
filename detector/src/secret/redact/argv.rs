//! Arguments of a program.

use super::{
    escape,
    known::is_known,
    scan::{is_path_byte, is_telling, push_text, starts_like_path, userinfo},
    token::{CUT, TOKEN_BYTES, push_mark},
};

/// The arguments `bytes`, each ended by a zero byte, as the kernel gives them; the last one was cut (`…`) when no
/// zero byte ends it. `strict` when the process may know a secret: then no argument of 16 or more bytes stays that
/// is not an option's name, a path or the host of a URL.
pub fn argv(bytes: &[u8], strict: bool) -> Vec<String> {
    let (bytes, cut) = match bytes.strip_suffix(b"\0") {
        Some(whole) => (whole, false),
        None if bytes.is_empty() => return Vec::new(),
        None => (bytes, true),
    };
    let arguments: Vec<_> = bytes.split(|b| *b == 0).collect();
    let mut before: Option<&[u8]> = None;
    let last = arguments.len() - 1;
    let redacted = arguments.iter().enumerate().map(|(i, argument)| {
        let mut out = String::new();
        let cut = cut && i == last;
        match before.map(|option| expects(option, &arguments)) {
            Some(Expects::Secret) if !is_flag(argument) && !is_short_option(argument) => {
                let name = argument.iter().position(|b| *b == b'=').filter(|sign| is_flag(&argument[..*sign]));
                let (name, value) = argument.split_at(name.map_or(0, |sign| sign + 1));
                escape::push(&mut out, name);
                push_all(&mut out, value);
            }
            Some(Expects::Login) if argument.contains(&b':') => push_login(&mut out, argument),
            _ => push_argument(&mut out, argument, strict, cut),
        }
        // An option stays one, since policies compare command lines.
        if argument.len() > 1 && argument[0] == b'-' && !out.starts_with('-') {
            out.insert(0, '-');
        }
        if cut {
            out.push(CUT);
        }
        before = Some(argument);
        out
    });
    redacted.collect()
}

/// What an option makes of the argument after it.
enum Expects {
    /// Nothing in particular.
    Anything,
    /// A secret.
    Secret,
    /// `user:password`.
    Login,
}

fn expects(option: &[u8], arguments: &[&[u8]]) -> Expects {
    match option {
        b"-u" | b"--user" | b"-U" | b"--proxy-user" => Expects::Login,
        // A port, a prompt or `parents` in most programs, a password where one logs in.
        b"-p" if logs_in(arguments) => Expects::Secret,
        _ if is_flag(option) && is_telling(option) => Expects::Secret,
        _ => Expects::Anything,
    }
}

fn logs_in(arguments: &[&[u8]]) -> bool {
    let program = arguments.first().and_then(|path| path.rsplit(|b| *b == b'/').next()).unwrap_or_default();
    matches!(program, b"sshpass" | b"twine") || arguments.iter().any(|argument| matches!(*argument, b"login"))
}

fn is_flag(argument: &[u8]) -> bool {
    argument.len() > 1 && argument[0] == b'-' && argument.iter().all(|b| is_name_byte(*b))
}

/// `-4`, `-j8`: too short for a secret.
fn is_short_option(argument: &[u8]) -> bool {
    argument.starts_with(b"-") && argument.len() <= 4 || is_known(argument)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_' | b'.')
}

fn push_all(out: &mut String, secret: &[u8]) {
    if !secret.is_empty() {
        push_mark(out, secret.len());
    }
}

fn push_login(out: &mut String, login: &[u8]) {
    let colon = login.iter().position(|b| *b == b':').map_or(0, |at| at + 1);
    push_text(out, &login[..colon], false);
    push_all(out, &login[colon..]);
}

fn push_argument(out: &mut String, argument: &[u8], strict: bool, cut: bool) {
    let attached = |flag: &[u8]| argument.strip_prefix(flag).filter(|value| !value.is_empty());
    if let Some(value) = attached(b"-p") {
        out.push_str("-p");
        push_all(out, value);
    } else if let Some(login) = attached(b"-u").filter(|login| login.contains(&b':')) {
        out.push_str("-u");
        push_login(out, login);
    } else if strict && (argument.len() >= TOKEN_BYTES || cut) {
        push_strict(out, argument, cut);
    } else {
        push_text(out, argument, cut);
    }
}

fn push_strict(out: &mut String, argument: &[u8], cut: bool) {
    let sign = argument.iter().position(|b| *b == b'=');
    if is_flag(argument) || !cut && is_known(argument) {
        escape::push(out, argument);
    } else if starts_like_path(argument) && argument.iter().all(|b| is_path_byte(*b)) {
        push_text(out, argument, cut);
    } else if let Some(sign) = sign.filter(|sign| is_flag(&argument[..*sign])) {
        let (name, value) = argument.split_at(sign + 1);
        escape::push(out, name);
        match value.len() {
            _ if is_telling(&argument[..sign]) => push_all(out, value),
            TOKEN_BYTES.. => push_strict(out, value, cut),
            _ => push_text(out, value, cut),
        }
    } else if let Some(start) = authority(argument) {
        let login = userinfo(argument, start).unwrap_or(start..start);
        escape::push(out, &argument[..start]);
        push_all(out, &argument[login.clone()]);
        let host = login.end;
        let len = argument[host..].iter().position(|b| !is_host_byte(*b)).unwrap_or(argument.len() - host);
        let (name, rest) = argument[host..].split_at(len);
        push_text(out, name, cut && rest.is_empty());
        match rest.len() {
            TOKEN_BYTES.. => push_all(out, rest),
            _ => push_text(out, rest, cut),
        }
    } else {
        push_all(out, argument);
    }
}

/// Where the authority of the URL `argument` starts.
fn authority(argument: &[u8]) -> Option<usize> {
    let scheme = argument.windows(3).position(|window| window == b"://")?;
    let plain =
        scheme > 0 && scheme < TOKEN_BYTES && argument[..scheme].iter().all(|b| b.is_ascii_alphabetic() || *b == b'+');
    plain.then_some(scheme + 3)
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'@')
}
