//! Classes of secrets, one bit each.

use detector_common::{limits::CLASSES, set::Bits};

/// One secret class of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(u8);

impl ClassId {
    /// The `n`th class, where a policy can have that many.
    pub fn new(n: usize) -> Option<Self> {
        u8::try_from(n).ok().filter(|_| n < CLASSES).map(Self)
    }

    /// Its place, from 0.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of secret classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassSet(Bits);

impl ClassSet {
    /// No class.
    pub const EMPTY: Self = Self(0);
    /// Every class there can be.
    pub const ALL: Self = Self(Bits::MAX);

    /// The set with these bits.
    pub const fn from_bits(bits: Bits) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub const fn bits(self) -> Bits {
        self.0
    }

    /// The set and `class`.
    #[must_use]
    pub const fn with(self, class: ClassId) -> Self {
        Self(self.0 | 1 << class.0)
    }

    /// Whether `class` is in it.
    pub const fn contains(self, class: ClassId) -> bool {
        self.0 & 1 << class.0 != 0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one only.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of it is in `other`.
    pub const fn is_subset(self, other: Self) -> bool {
        self.minus(other).is_empty()
    }

    /// Its classes, lowest first.
    pub fn iter(self) -> impl Iterator<Item = ClassId> {
        (0..CLASSES).filter_map(ClassId::new).filter(move |class| self.contains(*class))
    }
}

impl FromIterator<ClassId> for ClassSet {
    fn from_iter<I: IntoIterator<Item = ClassId>>(classes: I) -> Self {
        classes.into_iter().fold(Self::EMPTY, Self::with)
    }
}
