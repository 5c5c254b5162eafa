//! The rows of the table functions.

use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringViewArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use sealpack::core::format::ExtensionKind;
use sealpack::core::read::{LayerName, Report, Verdict};
use sealpack::remote::RemoteReader;

use crate::error::PackError;
use crate::function_kind::PackFunctionKind;
use crate::location::PackFile;

/// The records that one batch of `pack_records` describes.
const RECORDS_A_BATCH: u32 = 8192;

/// Returns the columns of a table function.
pub(crate) fn schema_of(kind: PackFunctionKind) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8View, true);
    let number = |name: &str| Field::new(name, DataType::UInt64, true);
    let pack = Field::new("pack", DataType::Utf8View, false);
    let fields = match kind {
        PackFunctionKind::Items => Vec::new(),
        PackFunctionKind::Info => vec![
            pack,
            Field::new("bytes", DataType::UInt64, false),
            number("items"),
            number("records"),
            number("items_per_record"),
            text("codec"),
            text("content_hash"),
            Field::new("has_names", DataType::Boolean, true),
            number("app_data_bytes"),
            text("error"),
        ],
        PackFunctionKind::Verify => {
            let mut fields = vec![
                pack,
                Field::new("ok", DataType::Boolean, false),
                Field::new("bytes", DataType::UInt64, false),
                number("items"),
                number("records"),
                number("item_bytes"),
                number("damaged_records"),
                number("unchecked_records"),
            ];
            fields.extend(LayerName::ALL.iter().map(|layer| text(layer.name())));
            fields.push(Field::new("seconds", DataType::Float64, false));
            fields.push(text("error"));
            fields
        }
        PackFunctionKind::Records => vec![
            pack,
            Field::new("record", DataType::UInt32, false),
            Field::new("first_position", DataType::UInt64, false),
            Field::new("items", DataType::UInt32, false),
            Field::new("offset", DataType::UInt64, false),
            Field::new("bytes", DataType::UInt64, false),
        ],
        PackFunctionKind::Damage => vec![
            pack,
            Field::new("record", DataType::UInt32, true),
            number("first_position"),
            Field::new("items", DataType::UInt32, true),
            Field::new("error", DataType::Utf8View, false),
        ],
    };
    Arc::new(Schema::new(fields))
}

/// The rows of one pack, in batches.
pub(crate) enum PackRows {
    Whole(Option<RecordBatch>),
    /// The records from a number on.
    Records {
        url: String,
        reader: RemoteReader,
        next: u32,
    },
}

impl PackRows {
    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        match self {
            Self::Whole(batch) => Ok(batch.take()),
            Self::Records { url, reader, next } => {
                let end =
                    next.saturating_add(RECORDS_A_BATCH).min(reader.directory().record_count());
                if *next >= end {
                    return Ok(None);
                }
                let batch = records(url, reader, *next..end)?;
                *next = end;
                Ok(Some(batch))
            }
        }
    }
}

/// Returns the rows of a function for one pack, given its reader or why there is none.
pub(crate) async fn rows_of_pack(
    kind: PackFunctionKind,
    file: &PackFile,
    reader: Result<RemoteReader>,
) -> Result<PackRows> {
    Ok(PackRows::Whole(match kind {
        PackFunctionKind::Items => None,
        PackFunctionKind::Info => Some(info(file, reader).await?),
        PackFunctionKind::Verify => Some(verify(file, reader).await?),
        PackFunctionKind::Damage => damage(file, reader).await?,
        PackFunctionKind::Records => {
            return Ok(PackRows::Records { url: file.url.clone(), reader: reader?, next: 0 });
        }
    }))
}

async fn info(file: &PackFile, reader: Result<RemoteReader>) -> Result<RecordBatch> {
    let found = match reader {
        Ok(reader) => match reader.codec().await {
            Ok(codec) => Ok((
                reader,
                codec.and_then(|chosen| chosen.codec).map(|codec| codec.name().to_owned()),
            )),
            Err(error) => Err(text_of(&crate::error::pack_error(error))),
        },
        Err(error) => Err(text_of(&error)),
    };
    let reader = found.as_ref().ok().map(|(reader, _)| reader);
    let trailer = reader.map(RemoteReader::trailer);
    let hash = trailer.and_then(|trailer| trailer.content_hash).map(|hash| hex(&hash));
    let records = reader.map(|reader| u64::from(reader.directory().record_count()));
    let has_names =
        reader.map(|reader| reader.extensions().section(ExtensionKind::NAMES).is_some());
    let app_data = reader.map(|reader| reader.app_data().len() as u64);
    let codec = found.as_ref().ok().and_then(|(_, codec)| codec.as_deref());
    batch(
        PackFunctionKind::Info,
        vec![
            one_text(Some(&file.url)),
            one_number(Some(file.size)),
            one_number(trailer.map(|trailer| trailer.total_items.into())),
            one_number(records),
            one_number(trailer.map(|trailer| trailer.items_per_record.into())),
            one_text(codec),
            one_text(hash.as_deref()),
            Arc::new(BooleanArray::from(vec![has_names])),
            one_number(app_data),
            one_text(found.as_ref().err().map(String::as_str)),
        ],
    )
}

async fn verify(file: &PackFile, reader: Result<RemoteReader>) -> Result<RecordBatch> {
    let started = Instant::now();
    let items = reader.as_ref().ok().map(|reader| u64::from(reader.item_count()));
    let report = report(file, reader).await;
    let seconds = started.elapsed().as_secs_f64();
    let report = report.as_ref();
    let sound = report.ok();
    let error = match report {
        Ok(report) => first_error(report),
        Err(error) => Some(error.clone()),
    };
    let mut columns = vec![
        one_text(Some(&file.url)),
        Arc::new(BooleanArray::from(vec![sound.is_some_and(Report::is_ok)])) as ArrayRef,
        one_number(Some(file.size)),
        one_number(items),
        one_number(sound.map(|report| report.record_count.into())),
        one_number(sound.map(|report| report.payload_size)),
        one_number(sound.map(|report| report.damaged_count.into())),
        one_number(sound.map(|report| report.unchecked_count.into())),
    ];
    for layer in LayerName::ALL {
        columns.push(one_text(sound.map(|report| report.verdict(layer).name())));
    }
    columns.push(Arc::new(Float64Array::from(vec![seconds])));
    columns.push(one_text(error.as_deref()));
    batch(PackFunctionKind::Verify, columns)
}

/// Checks everything in a pack.
async fn report(file: &PackFile, reader: Result<RemoteReader>) -> Result<Report, String> {
    use std::convert::Infallible;
    use std::ops::ControlFlow;
    let reader = reader.map_err(|error| text_of(&error))?;
    let trusted = reader.trusted().map(|list| list.header().content_hash);
    let listed = file.listed.as_ref().and_then(|listed| listed.content_hash);
    let go_on = |_| ControlFlow::<Infallible>::Continue(());
    match reader.verify_against(trusted.or(listed), go_on).await {
        Ok(ControlFlow::Continue(report)) => Ok(report),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Returns the error of the first layer that is not sound.
fn first_error(report: &Report) -> Option<String> {
    let failed = |wanted: fn(&Verdict) -> bool| {
        report.layers.iter().find(|layer| wanted(&layer.verdict)).and_then(|layer| {
            match &layer.verdict {
                Verdict::Failed(error) | Verdict::NotChecked(error) => Some(error.to_string()),
                _ => None,
            }
        })
    };
    failed(|verdict| matches!(verdict, Verdict::Failed(_)))
        .or_else(|| failed(|verdict| matches!(verdict, Verdict::NotChecked(_))))
}

/// A row of `pack_damage`; without a record, the pack is damaged elsewhere.
struct DamageRow {
    record: Option<u32>,
    first_position: Option<u64>,
    items: Option<u32>,
    error: String,
}

impl DamageRow {
    fn of_pack(error: String) -> Self {
        Self { record: None, first_position: None, items: None, error }
    }
}

/// Returns a row for each damaged record, or one for a pack that is damaged elsewhere.
async fn damage(file: &PackFile, reader: Result<RemoteReader>) -> Result<Option<RecordBatch>> {
    let report = report(file, reader).await;
    let mut rows = Vec::new();
    match &report {
        Ok(report) => {
            let damaged = report.damaged.iter().map(|damaged| (&damaged.record, &damaged.error));
            let unchecked = report.unchecked.iter().map(|record| (&record.record, &record.error));
            for (place, error) in damaged.chain(unchecked) {
                rows.push(DamageRow {
                    record: Some(place.number),
                    first_position: Some(u64::from(place.first_item)),
                    items: Some(place.item_count),
                    error: error.to_string(),
                });
            }
            if rows.is_empty()
                && let Some(error) = first_error(report)
            {
                rows.push(DamageRow::of_pack(error));
            }
        }
        Err(error) => rows.push(DamageRow::of_pack(error.clone())),
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringViewArray::from_iter_values(rows.iter().map(|_| &file.url))),
        Arc::new(rows.iter().map(|row| row.record).collect::<UInt32Array>()),
        Arc::new(rows.iter().map(|row| row.first_position).collect::<UInt64Array>()),
        Arc::new(rows.iter().map(|row| row.items).collect::<UInt32Array>()),
        Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| &row.error))),
    ];
    batch(PackFunctionKind::Damage, columns).map(Some)
}

fn records(url: &str, reader: &RemoteReader, numbers: std::ops::Range<u32>) -> Result<RecordBatch> {
    let places: Vec<_> = reader.directory().records(numbers).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringViewArray::from_iter_values(places.iter().map(|_| url))),
        Arc::new(UInt32Array::from_iter_values(places.iter().map(|place| place.number))),
        Arc::new(UInt64Array::from_iter_values(places.iter().map(|place| place.first_item.into()))),
        Arc::new(UInt32Array::from_iter_values(places.iter().map(|place| place.item_count))),
        Arc::new(UInt64Array::from_iter_values(places.iter().map(|place| place.range.start))),
        Arc::new(UInt64Array::from_iter_values(places.iter().map(|place| place.size()))),
    ];
    batch(PackFunctionKind::Records, columns)
}

fn batch(kind: PackFunctionKind, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    Ok(RecordBatch::try_new(schema_of(kind), columns)?)
}

fn one_text(text: Option<&str>) -> ArrayRef {
    Arc::new(StringViewArray::from_iter([text]))
}

fn one_number(number: Option<u64>) -> ArrayRef {
    Arc::new(UInt64Array::from(vec![number]))
}

fn text_of(error: &DataFusionError) -> String {
    PackError::find_in(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn hex(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
