//! Tables and plans as bytes, for the processes of a cluster.
//!
//! Each codec wraps another one, such as Ballista's own, which it asks for everything that
//! is not of this crate.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::{TableReference, internal_err};
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{
    AggregateUDF, Extension, HigherOrderUDF, LogicalPlan, ScalarUDF, WindowUDF,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::proto_decode::PhysicalExprDecodeCtx;
use datafusion::physical_expr_common::physical_expr::proto_encode::PhysicalExprEncodeCtx;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::logical_plan::{DefaultLogicalExtensionCodec, LogicalExtensionCodec};
use datafusion_proto::physical_plan::{
    DefaultPhysicalExtensionCodec, PhysicalExtensionCodec, PhysicalProtoConverterExtension,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::external;
use crate::format::PackFormatFactory;
use crate::function_kind::PackFunctionKind;
use crate::function_scan::{FunctionDescription, PackFunctionScan};
use crate::functions::PackFunctionTable;
use crate::location::PackFile;
use crate::numbered::NumberedScan;
use crate::options::PackTableOptions;
use crate::readers::Readers;
use crate::scan::PackScan;
use crate::scan_description::ScanDescription;
use crate::schema::PackColumns;
use crate::table::PackTable;
use crate::write::{PackWrite, PackWriteTotal};
use crate::write_description::WriteDescription;

/// The bytes that begin everything which these codecs write, and the version.
const PREFIX: &[u8] = b"sealpack\x02";

#[derive(Serialize, Deserialize)]
enum EncodedTable {
    Packs {
        files: Vec<PackFile>,
        columns: PackColumns,
        options: PackTableOptions,
        /// The number of items of each pack that was opened, so that another process plans
        /// without opening it again.
        items: Vec<Option<u32>>,
    },
    Function {
        kind: PackFunctionKind,
        locations: Vec<String>,
    },
}

#[derive(Serialize, Deserialize)]
enum EncodedPlan {
    /// The input, if there is one, numbers the partitions; also those of a function.
    Scan(ScanDescription),
    Function(FunctionDescription),
    Write(WriteDescription),
    WriteTotal,
}

#[derive(Serialize, Deserialize)]
struct EncodedFormat {
    options: HashMap<String, String>,
}

/// Returns the only input of a plan.
fn only_input(inputs: &[Arc<dyn ExecutionPlan>]) -> Result<Arc<dyn ExecutionPlan>> {
    match inputs {
        [only] => Ok(Arc::clone(only)),
        _ => internal_err!("a plan of packs has one input, not {}", inputs.len()),
    }
}

/// Returns a scan that was encoded with these inputs.
fn with_inputs(
    scan: Arc<dyn ExecutionPlan>,
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Result<Arc<dyn ExecutionPlan>> {
    if inputs.is_empty() {
        return Ok(scan);
    }
    Ok(Arc::new(NumberedScan::new(scan, only_input(inputs)?)))
}

fn encode(value: &impl Serialize, bytes: &mut Vec<u8>) -> Result<()> {
    bytes.extend_from_slice(PREFIX);
    serde_json::to_writer(bytes, value).map_err(external)
}

/// Returns what these codecs wrote; `None` for bytes of another one.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<T>> {
    let own = bytes.strip_prefix(PREFIX);
    own.map(serde_json::from_slice).transpose().map_err(external)
}

/// Writes and reads logical plans with tables of packs.
#[derive(Clone, Debug)]
pub struct PackLogicalCodec {
    inner: Arc<dyn LogicalExtensionCodec>,
    readers: Arc<Readers>,
}

impl Default for PackLogicalCodec {
    fn default() -> Self {
        Self::new(Arc::new(DefaultLogicalExtensionCodec {}))
    }
}

impl PackLogicalCodec {
    /// Makes a codec that asks `inner` for everything that is not of this crate.
    #[must_use]
    pub fn new(inner: Arc<dyn LogicalExtensionCodec>) -> Self {
        Self { inner, readers: Arc::default() }
    }
}

impl LogicalExtensionCodec for PackLogicalCodec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[LogicalPlan],
        ctx: &TaskContext,
    ) -> Result<Extension> {
        self.inner.try_decode(bytes, inputs, ctx)
    }

    fn try_encode(&self, node: &Extension, bytes: &mut Vec<u8>) -> Result<()> {
        self.inner.try_encode(node, bytes)
    }

    fn try_decode_table_provider(
        &self,
        bytes: &[u8],
        table: &TableReference,
        schema: SchemaRef,
        ctx: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        let readers = Arc::clone(&self.readers);
        Ok(match decode(bytes)? {
            Some(EncodedTable::Packs { files, columns, options, items }) => {
                Arc::new(PackTable::from_parts(files, columns, options, readers).knowing(&items))
            }
            Some(EncodedTable::Function { kind, locations }) => {
                Arc::new(PackFunctionTable::new(kind, locations, readers))
            }
            None => return self.inner.try_decode_table_provider(bytes, table, schema, ctx),
        })
    }

    fn try_encode_table_provider(
        &self,
        table: &TableReference,
        provider: Arc<dyn TableProvider>,
        bytes: &mut Vec<u8>,
    ) -> Result<()> {
        if let Some(packs) = provider.downcast_ref::<PackTable>() {
            let (files, items) = (packs.files().to_vec(), packs.known_items());
            let (columns, options) = (packs.columns().clone(), packs.options().clone());
            return encode(&EncodedTable::Packs { files, columns, options, items }, bytes);
        }
        if let Some(function) = provider.downcast_ref::<PackFunctionTable>() {
            let locations = function.locations.clone();
            return encode(&EncodedTable::Function { kind: function.kind, locations }, bytes);
        }
        self.inner.try_encode_table_provider(table, provider, bytes)
    }

    fn try_decode_file_format(
        &self,
        bytes: &[u8],
        ctx: &TaskContext,
    ) -> Result<Arc<dyn FileFormatFactory>> {
        match decode(bytes)? {
            Some(EncodedFormat { options }) => Ok(Arc::new(PackFormatFactory { options })),
            None => self.inner.try_decode_file_format(bytes, ctx),
        }
    }

    fn try_encode_file_format(
        &self,
        bytes: &mut Vec<u8>,
        format: Arc<dyn FileFormatFactory>,
    ) -> Result<()> {
        if let Some(packs) = format.downcast_ref::<PackFormatFactory>() {
            return encode(&EncodedFormat { options: packs.options.clone() }, bytes);
        }
        self.inner.try_encode_file_format(bytes, format)
    }

    fn try_decode_udf(&self, name: &str, bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        self.inner.try_decode_udf(name, bytes)
    }

    fn try_encode_udf(&self, function: &ScalarUDF, bytes: &mut Vec<u8>) -> Result<()> {
        self.inner.try_encode_udf(function, bytes)
    }

    fn try_decode_higher_order_function(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> Result<Arc<HigherOrderUDF>> {
        self.inner.try_decode_higher_order_function(name, bytes)
    }

    fn try_encode_higher_order_function(
        &self,
        function: &HigherOrderUDF,
        bytes: &mut Vec<u8>,
    ) -> Result<()> {
        self.inner.try_encode_higher_order_function(function, bytes)
    }

    fn try_decode_udaf(&self, name: &str, bytes: &[u8]) -> Result<Arc<AggregateUDF>> {
        self.inner.try_decode_udaf(name, bytes)
    }

    fn try_encode_udaf(&self, function: &AggregateUDF, bytes: &mut Vec<u8>) -> Result<()> {
        self.inner.try_encode_udaf(function, bytes)
    }

    fn try_decode_udwf(&self, name: &str, bytes: &[u8]) -> Result<Arc<WindowUDF>> {
        self.inner.try_decode_udwf(name, bytes)
    }

    fn try_encode_udwf(&self, function: &WindowUDF, bytes: &mut Vec<u8>) -> Result<()> {
        self.inner.try_encode_udwf(function, bytes)
    }
}

/// Writes and reads physical plans that read packs or write them. The plans that one
/// codec has read share their opened packs.
#[derive(Clone, Debug)]
pub struct PackPhysicalCodec {
    inner: Arc<dyn PhysicalExtensionCodec>,
    readers: Arc<Readers>,
}

impl Default for PackPhysicalCodec {
    fn default() -> Self {
        Self::new(Arc::new(DefaultPhysicalExtensionCodec {}))
    }
}

impl PackPhysicalCodec {
    /// Makes a codec that asks `inner` for everything that is not of this crate.
    #[must_use]
    pub fn new(inner: Arc<dyn PhysicalExtensionCodec>) -> Self {
        Self { inner, readers: Arc::default() }
    }
}

impl PhysicalExtensionCodec for PackPhysicalCodec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let readers = Arc::clone(&self.readers);
        Ok(match decode(bytes)? {
            Some(EncodedPlan::Scan(scan)) => {
                with_inputs(Arc::new(PackScan::new(scan, readers)), inputs)?
            }
            Some(EncodedPlan::Function(function)) => {
                with_inputs(Arc::new(PackFunctionScan::new(function, readers)), inputs)?
            }
            Some(EncodedPlan::Write(write)) => Arc::new(PackWrite::decoded(inputs, write)?),
            Some(EncodedPlan::WriteTotal) => Arc::new(PackWriteTotal::new(only_input(inputs)?)),
            None => return self.inner.try_decode(bytes, inputs, ctx, converter),
        })
    }

    fn try_encode(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        // The input of a numbered scan is encoded as that of any plan.
        let numbered = plan.downcast_ref::<NumberedScan>();
        let scan = numbered.map_or(&plan, NumberedScan::scan);
        if let Some(scan) = scan.downcast_ref::<PackScan>() {
            return encode(&EncodedPlan::Scan(scan.description().clone()), bytes);
        }
        if let Some(scan) = scan.downcast_ref::<PackFunctionScan>() {
            return encode(&EncodedPlan::Function(scan.description().clone()), bytes);
        }
        if let Some(write) = plan.downcast_ref::<PackWrite>() {
            return encode(&EncodedPlan::Write(write.description().clone()), bytes);
        }
        if plan.is::<PackWriteTotal>() {
            return encode(&EncodedPlan::WriteTotal, bytes);
        }
        self.inner.try_encode(plan, bytes, converter)
    }

    fn try_decode_udf(&self, name: &str, bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        self.inner.try_decode_udf(name, bytes)
    }

    fn try_encode_udf(&self, function: &ScalarUDF, bytes: &mut Vec<u8>) -> Result<()> {
        self.inner.try_encode_udf(function, bytes)
    }

    fn try_decode_higher_order_function(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> Result<Arc<HigherOrderUDF>> {
        self.inner.try_decode_higher_order_function(name, bytes)
    }

    fn try_encode_higher_order_function(
        &self,
        function: &HigherOrderUDF,
        bytes: &mut Vec<u8>,
    ) -> Result<()> {
        self.inner.try_encode_higher_order_function(function, bytes)
    }

    fn try_decode_expr(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn PhysicalExpr>],
        ctx: &PhysicalExprDecodeCtx<'_>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        self.inner.try_decode_expr(bytes, inputs, ctx)
    }

    fn try_encode_expr(
        &self,
        expr: &Arc<dyn PhysicalExpr>,
        bytes: &mut Vec<u8>,
        ctx: &PhysicalExprEncodeCtx<'_>,
    ) -> Result<()> {
        self.inner.try_encode_expr(expr, bytes, ctx)
    }

    fn try_decode_udaf(&self, name: &str, bytes: &[u8]) -> Result<Arc<AggregateUDF>> {
        self.inner.try_decode_udaf(name, bytes)
    }

    fn try_encode_udaf(&self, function: &AggregateUDF, bytes: &mut Vec<u8>) -> Result<()> {
        self.inner.try_encode_udaf(function, bytes)
    }

    fn try_decode_udwf(&self, name: &str, bytes: &[u8]) -> Result<Arc<WindowUDF>> {
        self.inner.try_decode_udwf(name, bytes)
    }

    fn try_encode_udwf(&self, function: &WindowUDF, bytes: &mut Vec<u8>) -> Result<()> {
        self.inner.try_encode_udwf(function, bytes)
    }
}
