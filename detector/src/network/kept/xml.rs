//! Documents of XML, without a DTD and so without entities of their own.

use roxmltree::{Document, Node, ParsingOptions};

/// Elements, texts and comments of a document.
const NODES: u32 = 50_000;

pub(super) fn parse(text: &str) -> Option<Document<'_>> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).ok()
}

/// The text of the one child of `node` that is called `name`. A comment in the middle of it would make it another text
/// to another reader.
pub(super) fn text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    let mut named = node.children().filter(|child| child.tag_name().name() == name);
    let child = named.next().filter(|_| named.next().is_none())?;
    let mut parts = child.children();
    parts.next().filter(|part| part.is_text() && parts.next().is_none())?.text().map(str::trim)
}

/// All elements below `node` that are called `name`.
pub(super) fn all<'a, 'input: 'a>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.descendants().filter(move |node| node.is_element() && node.tag_name().name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_piece() {
        let read = |text: &str| super::text(parse(text).unwrap().root_element(), "b").map(str::to_owned);
        assert_eq!(read("<a><b> x&amp;y </b></a>").as_deref(), Some("x&y"));
        assert_eq!(read("<a><b>x<!-- -->y</b></a>"), None);
        assert_eq!(read("<a><b>x<c/></b></a>"), None);
        assert_eq!(read("<a><b>x</b><b>y</b></a>"), None);
    }

    #[test]
    fn entities_and_too_much_are_refused() {
        assert!(parse("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").is_none());
        assert!(parse("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>").is_none());
        assert!(parse(&format!("<a>{}</a>", "<b/>".repeat(NODES as usize))).is_none());
        assert!(
            parse(&format!("{}{}", "<a>".repeat(40_000), "</a>".repeat(40_000)))
                .is_none_or(|all| { all.root().descendants().count() <= NODES as usize })
        );
    }
}
