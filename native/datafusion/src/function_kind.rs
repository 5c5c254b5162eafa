//! `PackFunctionKind`: which table functions there are.

use serde::{Deserialize, Serialize};

/// What a table function returns of each pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PackFunctionKind {
    /// The items, as a table of packs does.
    Items,
    /// A row for each pack, from its end.
    Info,
    /// A row for each pack, after everything in it was checked.
    Verify,
    /// A row for each record, from the index.
    Records,
    /// A row for each damaged record, and for each pack that cannot be opened.
    Damage,
}

impl PackFunctionKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Items, Self::Info, Self::Verify, Self::Records, Self::Damage];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Items => "packs",
            Self::Info => "pack_info",
            Self::Verify => "pack_verify",
            Self::Records => "pack_records",
            Self::Damage => "pack_damage",
        }
    }
}
