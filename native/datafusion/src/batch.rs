//! Collects rows into batches. Items are views of decoded records, unless a record has few
//! of them.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryViewArray, BinaryViewBuilder, RecordBatch, RecordBatchOptions, StringViewArray,
    StringViewBuilder, UInt32Array, UInt64Array,
};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use sealpack::Bytes;

use crate::error::external;
use crate::location::PackFile;
use crate::options::TextColumn;
use crate::schema::PackColumn;

/// A smaller item that was read by itself is copied out of its record.
const MIN_VIEW: usize = 1 << 20;

/// Rows of one pack that are not a batch yet.
pub(crate) struct Rows {
    columns: Vec<PackColumn>,
    schema: SchemaRef,
    text: TextColumn,
    count: usize,
    /// The bytes of the items, and of the buffers that they keep in memory.
    bytes: usize,
    positions: Vec<u64>,
    sizes: Vec<u32>,
    items: BinaryViewBuilder,
    /// The payload that the last views refer to, and its block.
    last_block: Option<(Bytes, Option<u32>)>,
    names: StringViewBuilder,
    needs: Needs,
}

/// What has to be known of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) position: bool,
    /// The bytes of the item.
    pub(crate) item: bool,
    pub(crate) size: bool,
    pub(crate) name: bool,
}

impl Needs {
    pub(crate) fn of(columns: &[PackColumn]) -> Self {
        let has = |column| columns.contains(&column);
        let text = has(PackColumn::Text);
        Self {
            // The error of an item that is not text names its position.
            position: has(PackColumn::Position) || text,
            item: has(PackColumn::Item) || text,
            size: has(PackColumn::Size),
            name: has(PackColumn::Name),
        }
    }
}

impl Rows {
    pub(crate) fn new(columns: Vec<PackColumn>, schema: SchemaRef, text: TextColumn) -> Self {
        Self {
            needs: Needs::of(&columns),
            columns,
            schema,
            text,
            count: 0,
            bytes: 0,
            positions: Vec::new(),
            sizes: Vec::new(),
            items: BinaryViewBuilder::new(),
            last_block: None,
            names: StringViewBuilder::new(),
        }
    }

    pub(crate) fn needs(&self) -> Needs {
        self.needs
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Returns the memory that the rows keep, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds rows of which only positions are known.
    pub(crate) fn push_positions(&mut self, positions: Range<u64>) {
        let count = usize::try_from(positions.end.saturating_sub(positions.start));
        self.count += count.unwrap_or(usize::MAX);
        if self.needs.position {
            self.positions.extend(positions);
        }
    }

    /// Adds the sizes of rows whose positions were added.
    pub(crate) fn push_sizes(&mut self, sizes: impl Iterator<Item = u32>) {
        if self.needs.size {
            self.sizes.extend(sizes);
        }
    }

    /// Adds the name of a row; an empty one is null.
    pub(crate) fn push_name(&mut self, name: &[u8], describe: impl Fn() -> String) -> Result<()> {
        if name.is_empty() {
            self.names.append_null();
            return Ok(());
        }
        let Ok(name) = std::str::from_utf8(name) else {
            return Err(external(format!("{}: the name of the item is not UTF-8", describe())));
        };
        self.bytes += name.len();
        self.names.append_value(name);
        Ok(())
    }

    /// Adds items that lie one after another in a decoded record. They are views of it.
    pub(crate) fn push_items(
        &mut self,
        payload: &Bytes,
        offset: usize,
        lengths: impl Iterator<Item = u64>,
    ) -> Result<()> {
        let block = self.block_of(payload);
        let mut start = offset;
        for length in lengths {
            let length = usize::try_from(length).map_err(external)?;
            let end = start.checked_add(length).filter(|&end| end <= payload.len());
            let end = end.ok_or_else(|| external("the lengths of a record exceed it"))?;
            match block {
                Some(block) => {
                    let at = u32::try_from(start).map_err(external)?;
                    let length = u32::try_from(length).map_err(external)?;
                    self.items.try_append_view(block, at, length)?;
                }
                None => self.push_view(payload.slice(start..end))?,
            }
            start = end;
        }
        Ok(())
    }

    /// Returns the number of the block that views of a payload refer to, which the items
    /// of one record share; `None` if the payload is too large for one.
    fn block_of(&mut self, payload: &Bytes) -> Option<u32> {
        // The views of a column have offsets of 32 bits.
        let is_large = payload.len() >= u32::MAX as usize;
        let is_last = |last: &(Bytes, Option<u32>)| {
            last.0.as_ptr() == payload.as_ptr() && last.0.len() == payload.len()
        };
        if let Some((_, block)) = self.last_block.as_ref().filter(|last| is_last(last)) {
            return *block;
        }
        let block = (!is_large).then(|| self.items.append_block(Buffer::from(payload.clone())));
        self.last_block = Some((payload.clone(), block));
        self.bytes = self.bytes.saturating_add(payload.len());
        block
    }

    /// As [`push_items`](Self::push_items), but copies the items, so that they do not keep
    /// their record in memory.
    pub(crate) fn push_copies(
        &mut self,
        payload: &Bytes,
        offset: usize,
        lengths: impl Iterator<Item = u64>,
    ) -> Result<()> {
        let mut start = offset;
        for length in lengths {
            let length = usize::try_from(length).map_err(external)?;
            let end = start.saturating_add(length);
            let item = payload.get(start..end);
            let item = item.ok_or_else(|| external("the lengths of a record exceed it"))?;
            self.items.append_value(item);
            self.bytes = self.bytes.saturating_add(item.len());
            start = end;
        }
        Ok(())
    }

    /// Adds an item that was read by itself. A small one is copied, so that it does not
    /// keep its record in memory.
    pub(crate) fn push_item(&mut self, item: Bytes) -> Result<()> {
        self.bytes = self.bytes.saturating_add(item.len());
        if item.len() < MIN_VIEW {
            self.items.append_value(&item);
            return Ok(());
        }
        self.push_view(item)
    }

    fn push_view(&mut self, item: Bytes) -> Result<()> {
        if item.len() >= u32::MAX as usize {
            return Err(external("an item of 4 GiB is too large for a column"));
        }
        let length = u32::try_from(item.len()).map_err(external)?;
        let block = self.items.append_block(Buffer::from(item));
        Ok(self.items.try_append_view(block, 0, length)?)
    }

    /// Returns the rows as a batch, and starts the next one.
    pub(crate) fn finish(&mut self, pack: &PackFile) -> Result<RecordBatch> {
        let count = std::mem::take(&mut self.count);
        let positions = UInt64Array::from(std::mem::take(&mut self.positions));
        let sizes = UInt32Array::from(std::mem::take(&mut self.sizes));
        let items = self.items.finish();
        self.last_block = None;
        let names = self.names.finish();
        self.bytes = 0;
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            arrays.push(match column {
                PackColumn::Pack => repeated(&pack.url, count)?,
                PackColumn::Position => Arc::new(positions.clone()),
                PackColumn::Item => Arc::new(items.clone()),
                PackColumn::Size => Arc::new(sizes.clone()),
                PackColumn::Name => Arc::new(names.clone()),
                PackColumn::Text => Arc::new(self.text_of(&items, &positions, pack)?),
                PackColumn::Folder(number) => {
                    let value = pack.folders.get(*number).map_or("", String::as_str);
                    repeated(value, count)?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }

    /// Returns the items as text.
    fn text_of(
        &self,
        items: &BinaryViewArray,
        positions: &UInt64Array,
        pack: &PackFile,
    ) -> Result<StringViewArray> {
        if let Ok(text) = items.clone().to_string_view() {
            return Ok(text);
        }
        let rows = items.iter().map(|item| item.and_then(|item| std::str::from_utf8(item).ok()));
        let rows = rows.collect::<Vec<_>>();
        let bad = rows.iter().position(Option::is_none);
        match (self.text, bad.and_then(|row| positions.values().get(row))) {
            (TextColumn::Null, _) | (_, None) => Ok(rows.into_iter().collect()),
            (_, Some(position)) => Err(not_text(pack, *position)),
        }
    }
}

fn not_text(pack: &PackFile, position: u64) -> DataFusionError {
    external(format!(
        "{}: the item at position {position} is not UTF-8; the option text 'null' gives null \
         for it",
        pack.url
    ))
}

/// Returns a column with the same text in every row.
fn repeated(text: &str, count: usize) -> Result<ArrayRef> {
    let one = StringViewArray::from_iter_values([text]);
    let rows = UInt32Array::from(vec![0; count]);
    Ok(take(&one, &rows, None)?)
}
