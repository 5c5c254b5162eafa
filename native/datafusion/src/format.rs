//! The format `PACK` of `COPY`.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{GetExt, Statistics, not_impl_err, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::{
    FileFormat, FileFormatFactory, file_type_to_format, format_as_file_type,
};
use datafusion::datasource::physical_plan::{
    ArrowSource, FileScanConfig, FileSinkConfig, FileSource,
};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::object_store::{Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use datafusion::optimizer::analyzer::AnalyzerRule;
use datafusion::physical_expr::LexRequirement;
use datafusion::physical_plan::ExecutionPlan;

use crate::numbered::is_for_cluster;
use crate::schema::{ITEM, NAME, TEXT};
use crate::write::{PackWrite, PackWriteTotal};
use crate::write_description::WriteDescription;
use crate::write_options::PackWriteOptions;

/// The ending of packs.
const ENDING: &str = "pack";

/// Makes the format of `COPY … STORED AS PACK`.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackFormatFactory {
    /// Those of the statement, if a rule has put them here.
    pub(crate) options: HashMap<String, String>,
}

impl GetExt for PackFormatFactory {
    fn get_ext(&self) -> String {
        ENDING.to_owned()
    }
}

impl FileFormatFactory for PackFormatFactory {
    fn create(
        &self,
        _session: &dyn Session,
        options: &HashMap<String, String>,
    ) -> Result<Arc<dyn FileFormat>> {
        let mut all = self.options.clone();
        all.extend(options.clone());
        Ok(Arc::new(PackFormat { options: PackWriteOptions::parse(&all)? }))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(PackFormat { options: PackWriteOptions::default() })
    }
}

/// Puts the options of a `COPY` into its format: they get lost when the statement is sent to
/// a cluster, but its format does not.
#[derive(Debug)]
pub(crate) struct KeepCopyOptions;

impl AnalyzerRule for KeepCopyOptions {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let kept = plan.transform(|plan| {
            let LogicalPlan::Copy(copy) = &plan else { return Ok(Transformed::no(plan)) };
            let format = file_type_to_format(&copy.file_type)?;
            if copy.options.is_empty() || !format.is::<PackFormatFactory>() {
                return Ok(Transformed::no(plan));
            }
            let format = PackFormatFactory { options: copy.options.clone() };
            let file_type = format_as_file_type(Arc::new(format));
            Ok(Transformed::yes(LogicalPlan::Copy(CopyTo { file_type, ..copy.clone() })))
        });
        Ok(kept?.data)
    }

    fn name(&self) -> &str {
        "keep_copy_options_of_packs"
    }
}

/// Writes packs. It reads none: tables of packs are more than a list of files.
#[derive(Debug)]
struct PackFormat {
    options: PackWriteOptions,
}

impl PackFormat {
    fn no_listing<T>() -> Result<T> {
        not_impl_err!("packs are read with CREATE EXTERNAL TABLE … STORED AS PACK, or packs('…')")
    }
}

#[async_trait]
impl FileFormat for PackFormat {
    fn get_ext(&self) -> String {
        ENDING.to_owned()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        match compression.get_ext().as_str() {
            "" => Ok(ENDING.to_owned()),
            _ => plan_err!("packs are not compressed as files; choose a codec"),
        }
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        None
    }

    async fn infer_schema(
        &self,
        _session: &dyn Session,
        _store: &Arc<dyn ObjectStore>,
        _objects: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        Self::no_listing()
    }

    async fn infer_stats(
        &self,
        _session: &dyn Session,
        _store: &Arc<dyn ObjectStore>,
        _schema: SchemaRef,
        _object: &ObjectMeta,
    ) -> Result<Statistics> {
        Self::no_listing()
    }

    async fn create_physical_plan(
        &self,
        _session: &dyn Session,
        _config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Self::no_listing()
    }

    async fn create_writer_physical_plan(
        &self,
        input: Arc<dyn ExecutionPlan>,
        session: &dyn Session,
        config: FileSinkConfig,
        order: Option<LexRequirement>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !config.table_partition_cols.is_empty() {
            return not_impl_err!("packs are not written into folders by column values");
        }
        let Some(target) = config.table_paths.first() else {
            return plan_err!("there is no location to write packs to");
        };
        let schema = input.schema();
        let is_single = self.options.single;
        let is_single =
            is_single.unwrap_or_else(|| config.file_output_mode.single_file_output(target));
        let store = config.object_store_url.as_str().to_owned();
        if is_single && !self.options.overwrite {
            let objects = session.runtime_env().object_store(&config.object_store_url)?;
            match objects.head(target.prefix()).await {
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {
                    return plan_err!("{target} exists; the option overwrite 'true' replaces it");
                }
            }
        }
        let item_column = item_column(&schema, self.options.column.as_deref())?;
        let name_column = name_column(&schema, self.options.name_column.as_deref())?;
        let is_left_out = |&at: &usize| at != item_column && Some(at) != name_column;
        let left_out: Vec<&String> = (0..schema.fields().len())
            .filter(is_left_out)
            .filter_map(|at| schema.fields().get(at))
            .map(|field| field.name())
            .collect();
        if !left_out.is_empty() && self.options.column.is_none() {
            return plan_err!(
                "a pack has items and names, but no columns {left_out:?}; select only the item \
                 and the name, or set the option column"
            );
        }
        let description = WriteDescription {
            store,
            target: target.prefix().to_string(),
            is_single,
            query: query_id(),
            item_column,
            name_column,
            options: self.options.clone(),
        };
        let order = order.filter(|_| is_single);
        let mut write = PackWrite::new(input, description, order);
        if is_for_cluster(session) {
            write = write.with_numbers()?;
        }
        Ok(Arc::new(PackWriteTotal::new(Arc::new(write))))
    }

    fn file_source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        // Never read from: the schema of packs cannot be inferred as that of files.
        Arc::new(ArrowSource::new_file_source(schema))
    }
}

/// Returns text that no other query uses in the names of its packs.
fn query_id() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// Returns the number of the column with the items.
fn item_column(schema: &SchemaRef, chosen: Option<&str>) -> Result<usize> {
    let found = match chosen {
        Some(name) => schema.index_of(name)?,
        None => {
            let fields = schema.fields();
            let named = |name| fields.iter().position(|field| field.name() == name);
            match named(ITEM).or_else(|| named(TEXT)) {
                Some(column) => column,
                None if fields.len() == 1 => 0,
                None => {
                    return plan_err!(
                        "none of the columns is named item or text; set the option column to the \
                         one with the items"
                    );
                }
            }
        }
    };
    check_bytes(schema, found)
}

/// Returns the number of the column with the names.
fn name_column(schema: &SchemaRef, chosen: Option<&str>) -> Result<Option<usize>> {
    match chosen {
        Some(name) => check_bytes(schema, schema.index_of(name)?).map(Some),
        None => schema.index_of(NAME).ok().map(|column| check_bytes(schema, column)).transpose(),
    }
}

fn check_bytes(schema: &SchemaRef, column: usize) -> Result<usize> {
    use DataType::{Binary, BinaryView, LargeBinary, LargeUtf8, Utf8, Utf8View};
    let field = schema.field(column);
    match field.data_type() {
        Binary | BinaryView | LargeBinary | Utf8 | Utf8View | LargeUtf8 => Ok(column),
        other => plan_err!(
            "column {} has the type {other}, but packs hold bytes and text; cast it",
            field.name()
        ),
    }
}
