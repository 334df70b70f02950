//! A policy as text: as written, or resolved over what it extends. The resolved one is a policy file itself.
//!
//! Texts with characters that cannot be seen were refused when it was compiled: nothing here acts on a terminal.

use super::{check::Checked, error::Place, load};
use serde_json::{Map, Value, json};

/// How a policy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML; the origin of each part stands above it as a comment.
    Yaml,
    /// JSON; the origins stand beside the policy.
    Json,
}

/// Sections in the order of a file, and whether they are maps of names.
const SECTIONS: [(&str, bool); 5] =
    [("classes", true), ("destinations", false), ("programs", true), ("rules", true), ("exceptions", false)];

impl Checked {
    /// The file that was asked for, without what it extends; of the builtin policy the resolved one is the file.
    pub fn written(&self, format: Format) -> String {
        match (&self.written, format) {
            (Value::Null, Format::Yaml) => self.resolved(format),
            (Value::Null, Format::Json) => pretty(&self.form()),
            (written, Format::Json) => pretty(written),
            (written, Format::Yaml) => yaml(written, None),
        }
    }

    /// The policy with everything it extends in it, and where that was written.
    pub fn resolved(&self, format: Format) -> String {
        let policy = self.form();
        let (origins, digest) = (self.origins(&policy), self.policy.digest());
        match format {
            Format::Yaml => format!("# Digest {digest}.\n{}", yaml(&policy, Some(&origins))),
            Format::Json => pretty(&json!({ "policy": policy, "origins": origins, "digest": digest })),
        }
    }

    /// The resolved document in the form of a file.
    fn form(&self) -> Value {
        let mut form = Map::new();
        // Strings, numbers, lists and maps of strings.
        let document = serde_json::to_value(self.policy.document()).unwrap_or_default();
        let Value::Object(mut document) = document else { return Value::Null };
        // What the file says by its reading.
        document.shift_remove("date");
        for key in ["version", "mode", "fail-on"] {
            form.extend(document.shift_remove_entry(key));
        }
        for (section, named) in SECTIONS {
            let Some((key, Value::Array(parts))) = document.shift_remove_entry(section) else { continue };
            let parts = parts.into_iter().map(said);
            let parts = if named { Value::Object(parts.filter_map(name).collect()) } else { parts.collect() };
            form.insert(key, parts);
        }
        said(Value::Object(form))
    }

    /// Where each part of `form` was written, section by section.
    fn origins(&self, form: &Value) -> Value {
        let mut all = Map::new();
        let origins = &self.origins;
        let places = [&origins.classes, &origins.destinations, &origins.programs, &origins.rules, &origins.exceptions];
        for ((section, _), places) in SECTIONS.into_iter().zip(places) {
            let places = places.iter().map(|places| Value::from(places.iter().map(origin).collect::<Vec<_>>()));
            let origins = match &form[section] {
                Value::Object(parts) => parts.keys().cloned().zip(places).collect(),
                Value::Array(_) => places.collect(),
                _ => continue,
            };
            all.insert(section.to_owned(), origins);
        }
        Value::Object(all)
    }
}

/// `value` without what is not said: nulls and empty lists, texts and maps.
fn said(value: Value) -> Value {
    let Value::Object(mut map) = value else { return value };
    map.retain(|_, value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    });
    Value::Object(map)
}

/// `part` under its name.
fn name(part: Value) -> Option<(String, Value)> {
    let Value::Object(mut part) = part else { return None };
    let Some(Value::String(name)) = part.shift_remove("name") else { return None };
    Some((name, Value::Object(part)))
}

fn origin(place: &Place) -> String {
    if load::is_builtin(&place.file) { load::BUILTIN_NAME.to_owned() } else { place.to_string() }
}

fn pretty(value: &Value) -> String {
    // Keys are strings.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// A file of `form`, part by part, with the origin of each above it.
fn yaml(form: &Value, origins: Option<&Value>) -> String {
    let mut text = String::new();
    for (key, value) in form.as_object().into_iter().flatten() {
        let section = SECTIONS.iter().any(|(section, _)| section == key);
        let parts: Vec<_> = match value {
            Value::Object(parts) if section => parts.iter().map(|(name, part)| (Some(name), part)).collect(),
            Value::Array(parts) if section => parts.iter().map(|part| (None, part)).collect(),
            _ => {
                text += &block(&json!({ key: value }), "");
                continue;
            }
        };
        text += &format!("\n{key}:\n");
        for (n, (name, part)) in parts.into_iter().enumerate() {
            let origin = origins.map(|origins| match name {
                Some(name) => &origins[key][name],
                None => &origins[key][n],
            });
            let places: Vec<_> =
                origin.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            if !places.is_empty() {
                text += &format!("  # {}\n", places.join(", "));
            }
            let part = name.map_or_else(|| json!([part]), |name| json!({ name: part }));
            text += &block(&part, "  ");
        }
    }
    text
}

/// `value` as YAML, each line behind `indent`.
fn block(value: &Value, indent: &str) -> String {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    // Its only errors are of writing, and a string takes everything.
    let text = serde_saphyr::to_string_with_options(value, options).unwrap_or_default();
    text.lines().map(|line| format!("{indent}{line}\n")).collect()
}
