//! `CREATE EXTERNAL TABLE … STORED AS PACK`.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider, TableProviderFactory};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::CreateExternalTable;

use crate::options::PackTableOptions;
use crate::readers::Readers;
use crate::table::PackTable;

/// Makes tables of packs for `CREATE EXTERNAL TABLE … STORED AS PACK`.
#[derive(Debug)]
pub(crate) struct PackTableFactory {
    pub(crate) readers: Arc<Readers>,
}

#[async_trait]
impl TableProviderFactory for PackTableFactory {
    async fn create(
        &self,
        session: &dyn Session,
        statement: &CreateExternalTable,
    ) -> Result<Arc<dyn TableProvider>> {
        if !statement.schema.fields().is_empty() {
            return plan_err!("a table of packs has its own columns; leave them out");
        }
        if !statement.order_exprs.is_empty() {
            return plan_err!(
                "a table of packs is ordered by pack and position; leave the order out"
            );
        }
        let options = PackTableOptions::parse(&statement.options)?;
        let readers = Arc::clone(&self.readers);
        let table = PackTable::open_with(session, &statement.locations, options, readers).await?;
        let keys = &table.columns().folders;
        if !statement.table_partition_cols.is_empty() && *keys != statement.table_partition_cols {
            return plan_err!(
                "the folders have the keys {keys:?}, but the statement has {:?}",
                statement.table_partition_cols
            );
        }
        Ok(Arc::new(table))
    }
}
