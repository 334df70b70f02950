//! Names of the domain name system: labels of any bytes.

use std::fmt;

/// A name, label by label; the root has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Name(Vec<Vec<u8>>);

impl Name {
    /// From labels, whatever is in them.
    pub fn new(labels: impl IntoIterator<Item: Into<Vec<u8>>>) -> Self {
        Self(labels.into_iter().map(Into::into).collect())
    }

    /// The labels.
    pub fn labels(&self) -> &[Vec<u8>] {
        &self.0
    }

    /// The name without its first label; none of the root.
    pub fn parent(&self) -> Option<Self> {
        Some(Self(self.0.get(1..)?.to_vec()))
    }

    /// The name with one more label in front.
    pub fn child(&self, label: &str) -> Self {
        let mut labels = vec![label.as_bytes().to_vec()];
        labels.extend_from_slice(&self.0);
        Self(labels)
    }

    /// Every second letter in the other case.
    pub fn in_mixed_case(&self) -> Self {
        let mut every = [false, true].into_iter().cycle();
        let mut turned = self.clone();
        for letter in turned.0.iter_mut().flatten().filter(|byte| byte.is_ascii_alphabetic()) {
            if every.next() == Some(true) {
                *letter ^= 0x20;
            }
        }
        turned
    }

    /// As it is written in full.
    pub fn wire(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for label in &self.0 {
            bytes.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(label);
        }
        bytes.push(0);
        bytes
    }

    /// Reads a name written in full from the start of `bytes`, and what comes after.
    pub fn read(mut bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (mut labels, mut length) = (Vec::new(), 1);
        loop {
            let (&n, rest) = bytes.split_first()?;
            if n == 0 {
                return Some((Self(labels), rest));
            }
            length += 1 + usize::from(n);
            if n > 63 || length > 255 {
                return None;
            }
            let (label, rest) = rest.split_at_checked(usize::from(n))?;
            labels.push(label.to_vec());
            bytes = rest;
        }
    }
}

impl From<&str> for Name {
    /// From text: labels with dots between, with or without one at the end.
    fn from(text: &str) -> Self {
        Self::new(text.split('.').filter(|label| !label.is_empty()))
    }
}

impl fmt::Display for Name {
    /// As text; what would be misread is written `\DDD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, label) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            for &byte in label {
                match byte {
                    b'.' | b'\\' => write!(f, "\\{byte:03}")?,
                    byte if byte.is_ascii_graphic() => write!(f, "{}", char::from(byte))?,
                    byte => write!(f, "\\{byte:03}")?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes() {
        let name = Name::from("api.good.test.");
        assert_eq!(name.wire(), b"\x03api\x04good\x04test\0");
        assert_eq!(Name::read(b"\x03api\x04good\x04test\0rest").unwrap(), (name.clone(), &b"rest"[..]));
        assert_eq!((name.to_string().as_str(), Name::default().to_string().as_str()), ("api.good.test", ""));
        assert_eq!(Name::new([&b"a.b"[..], b"\0", b"test"]).to_string(), "a\\046b.\\000.test");
        assert_eq!(name.in_mixed_case().to_string(), "aPi.GoOd.TeSt");
        assert_eq!(name.parent().unwrap().child("*").to_string(), "*.good.test");
    }

    #[test]
    fn what_is_no_name_in_full_is_not_read() {
        for bytes in [&b""[..], b"\x03ap", b"\x03api", b"\xc0\x0c", b"\x40", &[b'\x3f'; 300]] {
            assert_eq!(Name::read(bytes), None, "{bytes:?}");
        }
    }
}
