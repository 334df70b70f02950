//! JSON Schema of the form. A test makes it of the types in `file.rs` and compares.

/// The schema, for editors: `docs/policy.schema.json`.
pub const SCHEMA: &str = include_str!("../../../docs/policy.schema.json");

#[cfg(test)]
pub(super) use of::*;

/// What the types cannot say of themselves.
#[cfg(test)]
mod of {
    use super::super::{file, rule};
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::{borrow::Cow, marker::PhantomData};

    /// A type that stands for a text of this schema.
    macro_rules! text {
        ($($(#[$doc:meta])* $name:ident = $schema:tt)*) => {$(
            $(#[$doc])*
            pub(in super::super) struct $name;

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!($schema)
                }
            }
        )*};
    }

    text! {
        /// See `file::VERSION`.
        Version = { "const": 1 }
        /// See `pattern::Pattern`: how it starts.
        Path = { "type": "string", "pattern": "^(/|~/|\\*\\*/|\\$[A-Za-z_]|\\{)" }
        /// See `pattern::exception`.
        Except = { "type": "string", "pattern": "^\\*[^*/]+$" }
        /// See `Draft::add_class`.
        ClassName = { "type": "string", "pattern": "^[a-z][a-z0-9_-]{0,39}$", "not": { "const": "all" } }
        /// A text that is not empty.
        Reason = { "type": "string", "pattern": "\\S" }
        /// See `destination::parse`: digits, dots and a mask, or brackets; and a port.
        To = { "type": "string", "pattern": "^([0-9.]+(/[0-9]+)?|\\[[0-9a-fA-F:.]+(/[0-9]+)?\\]|(\\*\\*?\\.)?([A-Za-z0-9_-]+\\.)*[A-Za-z0-9-]*[A-Za-z-][A-Za-z0-9-]*)(:[0-9]+)?$" }
        /// See `date::Date`.
        Day = { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }
    }

    /// A list that is not empty.
    pub(in super::super) struct NonEmpty<T>(PhantomData<T>);

    impl<T: JsonSchema> JsonSchema for NonEmpty<T> {
        fn inline_schema() -> bool {
            true
        }

        fn schema_name() -> Cow<'static, str> {
            format!("NonEmpty{}", T::schema_name()).into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            json_schema!({ "type": "array", "items": generator.subschema_for::<T>(), "minItems": 1 })
        }
    }

    /// A type that stands for a map of names.
    macro_rules! map {
        ($($name:ident: $of:ty, $names:ty;)*) => {$(
            pub(in super::super) struct $name;

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                    let (names, of) = (generator.subschema_for::<$names>(), generator.subschema_for::<$of>());
                    json_schema!({ "type": "object", "propertyNames": names, "additionalProperties": of })
                }
            }
        )*};
    }

    map! {
        Classes: file::Class, ClassName;
        Programs: file::Program, String;
        Rules: file::Rule, rule::Rule;
    }

    /// See `document::Accept`.
    pub(in super::super) struct Accepted;

    impl JsonSchema for Accepted {
        fn inline_schema() -> bool {
            true
        }

        fn schema_name() -> Cow<'static, str> {
            "Accepted".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let names = generator.subschema_for::<ClassName>();
            json_schema!({ "anyOf": [{ "const": "all" }, { "type": "array", "items": names }] })
        }
    }

    /// The schema as it is written into the file.
    pub(in super::super) fn written() -> String {
        let schema = schemars::schema_for!(file::File);
        let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
        text.push('\n');
        text
    }
}
