//! Hints for misspelt names.

/// Names that a hint lists; of more it says how many.
const LISTED: usize = 16;

/// What to do about the unknown `name`, given the names there are.
pub(super) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.into_iter().collect();
    let nearest = known.iter().map(|candidate| (distance(name, candidate), *candidate)).min();
    match nearest {
        Some((distance, candidate)) if distance <= 2 && distance < candidate.len() => {
            format!("did you mean `{candidate}`?")
        }
        Some(_) if known.len() > LISTED => {
            format!("known here: {} and {} more", known[..LISTED].join(", "), known.len() - LISTED)
        }
        Some(_) => format!("known here: {}", known.join(", ")),
        None => "none is known here".to_owned(),
    }
}

/// How many letters differ, two in each other's place being one.
fn distance(a: &str, b: &str) -> usize {
    strsim::osa_distance(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        assert_eq!(distance("kitten", "sittin"), 2);
        assert_eq!(hint("path", ["paths", "action"]), "did you mean `paths`?");
        assert_eq!(hint("whatever", ["paths", "action"]), "known here: paths, action");
        assert_eq!(hint("x", []), "none is known here");
        let many: Vec<_> = (0..20).map(|n| format!("class-{n:02}")).collect();
        let hint = hint("whatever", many.iter().map(String::as_str));
        assert!(hint.ends_with("class-15 and 4 more"), "{hint}");
    }
}
