//! Table functions: `packs`, `pack_info`, `pack_verify`, `pack_records`, `pack_damage`.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::filter::pushdown;
use crate::function_kind::PackFunctionKind;
use crate::function_rows::schema_of;
use crate::function_scan::{FunctionDescription, PackFunctionScan};
use crate::location::find_packs;
use crate::numbered::divisible;
use crate::options::{PackTableOptions, TextColumn};
use crate::pieces::{PackExtent, divide};
use crate::readers::Readers;
use crate::schema::PackColumns;
use crate::table::PackTable;

/// A table function over the packs at one or more locations.
#[derive(Debug)]
pub(crate) struct PackFunction {
    pub(crate) kind: PackFunctionKind,
    pub(crate) readers: Arc<Readers>,
}

impl TableFunctionImpl for PackFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let mut locations = Vec::with_capacity(args.exprs().len());
        for expr in args.exprs() {
            match expr {
                Expr::Literal(
                    ScalarValue::Utf8(Some(text))
                    | ScalarValue::Utf8View(Some(text))
                    | ScalarValue::LargeUtf8(Some(text)),
                    _,
                ) => locations.push(text.clone()),
                other => {
                    let name = self.kind.name();
                    return plan_err!("{name} takes locations as text, but '{other}' is not");
                }
            }
        }
        if locations.is_empty() {
            let name = self.kind.name();
            return plan_err!("{name} takes one or more locations, such as {name}('a.pack')");
        }
        let readers = Arc::clone(&self.readers);
        Ok(Arc::new(PackFunctionTable::new(self.kind, locations, readers)))
    }
}

/// The table that a call returns. It looks for the packs when the query is planned: a
/// function is called where nothing can wait for a store.
#[derive(Clone, Debug)]
pub(crate) struct PackFunctionTable {
    pub(crate) kind: PackFunctionKind,
    pub(crate) locations: Vec<String>,
    schema: SchemaRef,
    readers: Arc<Readers>,
}

impl PackFunctionTable {
    pub(crate) fn new(
        kind: PackFunctionKind,
        locations: Vec<String>,
        readers: Arc<Readers>,
    ) -> Self {
        let schema = match kind {
            PackFunctionKind::Items => columns_of_items().schema(),
            kind => schema_of(kind),
        };
        Self { kind, locations, schema, readers }
    }

    async fn plan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = find_packs(session, &self.locations, None).await?.files;
        let whole = |size: u64| PackExtent { size, wanted: 0..size, is_whole: true };
        let extents: Vec<PackExtent> = files.iter().map(|file| whole(file.size)).collect();
        let partitions = divide(&extents, session.config().target_partitions(), u64::MAX);
        let packs = |part: Vec<crate::pieces::Piece>| part.into_iter().map(|piece| piece.pack);
        let description = FunctionDescription {
            kind: self.kind,
            files,
            partitions: partitions.into_iter().map(|part| packs(part).collect()).collect(),
            projection: projection.cloned(),
            limit,
        };
        let scan = PackFunctionScan::new(description, Arc::clone(&self.readers));
        divisible(session, Arc::new(scan))
    }
}

/// A function's columns are known before its packs are: names and text are always among
/// them, and the keys of folders never.
fn columns_of_items() -> PackColumns {
    PackColumns { has_names: true, has_text: true, folders: Vec::new() }
}

#[async_trait]
impl TableProvider for PackFunctionTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(match self.kind {
            PackFunctionKind::Items => pushdown(filters, &columns_of_items()),
            _ => vec![TableProviderFilterPushDown::Unsupported; filters.len()],
        })
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.kind != PackFunctionKind::Items {
            return self.plan(session, projection, limit).await;
        }
        let mut files = find_packs(session, &self.locations, None).await?.files;
        files.iter_mut().for_each(|file| file.folders.clear());
        let options = PackTableOptions::default().text(TextColumn::Strict);
        let readers = Arc::clone(&self.readers);
        let table = PackTable::from_parts(files, columns_of_items(), options, readers);
        table.scan(session, projection, filters, limit).await
    }
}
