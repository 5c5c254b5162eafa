//! The columns of a table of packs.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

pub(crate) const PACK: &str = "pack";
pub(crate) const POSITION: &str = "position";
pub(crate) const ITEM: &str = "item";
pub(crate) const SIZE: &str = "size";
pub(crate) const NAME: &str = "name";
pub(crate) const TEXT: &str = "text";

/// A column of a table of packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PackColumn {
    /// The URL of the pack.
    Pack,
    /// The position of the item in its pack.
    Position,
    /// The bytes of the item.
    Item,
    /// The number of these bytes.
    Size,
    /// The name of the item.
    Name,
    /// The item as text.
    Text,
    /// The value of a folder `key=value` above the pack, by the number of the key.
    Folder(usize),
}

/// The columns of a table of packs, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackColumns {
    /// Whether any of the packs has names.
    pub(crate) has_names: bool,
    pub(crate) has_text: bool,
    /// The keys of the folders `key=value`.
    pub(crate) folders: Vec<String>,
}

impl PackColumns {
    /// Returns the columns in the order of the schema.
    pub(crate) fn columns(&self) -> Vec<PackColumn> {
        let mut columns =
            vec![PackColumn::Pack, PackColumn::Position, PackColumn::Item, PackColumn::Size];
        columns.extend(self.has_names.then_some(PackColumn::Name));
        columns.extend(self.has_text.then_some(PackColumn::Text));
        columns.extend((0..self.folders.len()).map(PackColumn::Folder));
        columns
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        let fields = self.columns().into_iter().map(|column| self.field(column));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    fn field(&self, column: PackColumn) -> Field {
        match column {
            PackColumn::Pack => Field::new(PACK, DataType::Utf8View, false),
            PackColumn::Position => Field::new(POSITION, DataType::UInt64, false),
            PackColumn::Item => Field::new(ITEM, DataType::BinaryView, false),
            PackColumn::Size => Field::new(SIZE, DataType::UInt32, false),
            PackColumn::Name => Field::new(NAME, DataType::Utf8View, true),
            PackColumn::Text => Field::new(TEXT, DataType::Utf8View, true),
            PackColumn::Folder(number) => {
                let key = self.folders.get(number).map_or("", String::as_str);
                Field::new(key, DataType::Utf8View, false)
            }
        }
    }

    /// Returns whether a name is that of a column which is the same for a whole pack.
    pub(crate) fn is_of_pack(&self, name: &str) -> bool {
        name == PACK || self.folders.iter().any(|key| key == name)
    }
}
