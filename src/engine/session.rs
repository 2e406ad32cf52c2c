//! Sessions: planning and executing read-only SQL over one binding.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use datafusion::common::DFSchema;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;

use crate::clock::Instant;
use crate::engine::catalog::{Shared, TwinCatalog};
use crate::engine::functions::as_of_function;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RelationName;
use crate::lake::{Binding, Lake};

/// How much of the machine queries may use.
#[derive(Clone, Copy, Debug)]
pub struct EngineSettings {
    /// Bytes before operators spill to disk.
    pub memory_bytes: usize,
    /// Threads; 0 is one per core.
    pub threads: usize,
    /// Rows in a batch.
    pub batch_rows: usize,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A person or tool asks: all threads on one query, rows in any order the query leaves open.
    Ask,
    /// A node computes what will be published: one partition, so that sums of floats and the order of rows are a function
    /// of the inputs alone. Nodes run beside each other instead.
    Compute,
}

/// Makes sessions that share one memory pool and the lake's object store. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    lake: Lake,
    store: ObjectStoreUrl,
    runtime: Arc<RuntimeEnv>,
    threads: usize,
    batch_rows: usize,
}

impl Engine {
    /// An engine over `lake`.
    ///
    /// # Errors
    /// When the spill folder cannot be made.
    pub fn new(lake: &Lake, settings: EngineSettings) -> Result<Self> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(settings.memory_bytes)))
            .build_arc()?;
        let url = lake.url();
        let store = ObjectStoreUrl::parse(&url[..url::Position::BeforePath])?;
        runtime.register_object_store(store.as_ref(), Arc::clone(lake.store()));
        let threads = match settings.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        Ok(Self { lake: lake.clone(), store, runtime, threads, batch_rows: settings.batch_rows })
    }

    /// The lake it reads.
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// Threads it may use.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Rows in a batch.
    pub fn batch_rows(&self) -> usize {
        self.batch_rows
    }

    /// A session that sees `binding`, in which `as_of()` is `as_of`.
    pub fn session(&self, binding: Binding, as_of: Instant, purpose: Use) -> Session {
        let partitions = if purpose == Use::Ask { self.threads } else { 1 };
        let mut config = SessionConfig::new()
            .with_batch_size(self.batch_rows)
            .with_target_partitions(partitions)
            .with_create_default_catalog_and_schema(false)
            .with_default_catalog_and_schema("twin", "public")
            .with_information_schema(true);
        config.options_mut().sql_parser.map_string_types_to_utf8view = false;
        let shared = Arc::new(Shared {
            lake: self.lake.clone(),
            store: self.store.clone(),
            binding,
            session: OnceLock::new(),
        });
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&self.runtime))
            .with_default_features()
            .build();
        let context = SessionContext::new_with_state(state);
        context.register_udf(as_of_function(as_of));
        context.register_catalog("twin", Arc::new(TwinCatalog::new(&shared)));
        shared.session.get_or_init(|| context.state_weak_ref());
        Session { context, shared }
    }
}

/// Read-only SQL over one binding.
pub struct Session {
    context: SessionContext,
    shared: Arc<Shared>,
}

impl Session {
    /// What it sees.
    pub fn binding(&self) -> &Binding {
        &self.shared.binding
    }

    /// DataFusion's own state of it.
    pub(super) fn state(&self) -> SessionState {
        self.context.state()
    }

    /// The plan of one SELECT.
    ///
    /// # Errors
    /// [`ErrorKind::Sql`] when it does not parse or plan, or would change something.
    pub async fn plan(&self, sql: &str) -> Result<LogicalPlan> {
        let plan =
            self.context.state().create_logical_plan(sql).await.map_err(|error| self.explain(error))?;
        read_only().verify_plan(&plan).map_err(|_| {
            Error::new(ErrorKind::Sql, "only queries are allowed")
                .with_hint("Write a SELECT: tables change through runs, not through SQL.")
        })?;
        Ok(plan)
    }

    /// Runs one SELECT and streams its rows.
    ///
    /// # Errors
    /// [`ErrorKind::Sql`] as [`plan`](Self::plan); [`ErrorKind::Storage`] when data cannot be read.
    pub async fn query(&self, sql: &str) -> Result<SendableRecordBatchStream> {
        let plan = self.plan(sql).await?;
        self.execute(&plan).await
    }

    /// Runs a plan of this session.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn execute(&self, plan: &LogicalPlan) -> Result<SendableRecordBatchStream> {
        let state = self.context.state();
        let physical: Arc<dyn ExecutionPlan> = state.create_physical_plan(plan).await?;
        Ok(execute_stream(physical, self.context.task_ctx())?)
    }

    /// Runs one SELECT and collects its rows.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub async fn collect(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let stream = self.query(sql).await?;
        Ok(datafusion::physical_plan::common::collect(stream).await?)
    }

    /// An expression over the columns of `schema`, ready to be evaluated on batches.
    ///
    /// # Errors
    /// [`ErrorKind::Sql`] when it does not parse or names no column of `schema`.
    pub fn expression(&self, sql: &str, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        let state = self.context.state();
        let expression = state.create_logical_expr(sql, schema)?;
        // Some functions (coalesce, for one) exist only until they are simplified into others.
        let context = SimplifyContext::builder().with_schema(Arc::new(schema.clone())).build();
        let simplifier = ExprSimplifier::new(context);
        let expression = simplifier.simplify(simplifier.coerce(expression, schema)?)?;
        Ok(state.create_physical_expr(expression, schema)?)
    }

    /// The relations that a query names, without planning it. CTEs are not relations.
    ///
    /// # Errors
    /// [`ErrorKind::Sql`] when it does not parse, or names a relation without its schema.
    pub fn references(&self, sql: &str) -> Result<BTreeSet<RelationName>> {
        let state = self.context.state();
        let dialect = state.config().options().sql_parser.dialect;
        let statement = state.sql_to_statement(sql, &dialect)?;
        let mut names = BTreeSet::new();
        for reference in state.resolve_table_references(&statement)? {
            match (reference.schema(), reference.table()) {
                (Some("information_schema"), _) => {}
                (None, table) if state.table_functions().contains_key(table) => {}
                (Some(schema), table) => {
                    names.insert(RelationName::new(schema, table)?);
                }
                (None, table) => {
                    return Err(Error::new(
                        ErrorKind::Sql,
                        format!("relation {table:?} is named without its schema"),
                    )
                    .with_hint("Write schema.table, such as erp.orders."));
                }
            }
        }
        Ok(names)
    }

    /// Adds to "table not found" what there is.
    fn explain(&self, error: datafusion::error::DataFusionError) -> Error {
        let error = Error::from(error);
        let Some(wanted) = error
            .message()
            .strip_prefix("table 'twin.")
            .and_then(|rest| rest.split_once("' not found"))
            .map(|(name, _)| name.to_string())
        else {
            return error;
        };
        let wanted = wanted.strip_prefix("public.").unwrap_or(&wanted);
        let names: Vec<String> = self.shared.binding.relations().iter().map(ToString::to_string).collect();
        let table_of = |name: &str| name.rsplit('.').next().unwrap_or(name).to_string();
        let close = names
            .iter()
            .map(|name| {
                let whole = strsim::damerau_levenshtein(name, wanted);
                let table = strsim::damerau_levenshtein(&table_of(name), &table_of(wanted));
                // Of equally close ones, the one in the schema that was meant.
                (whole.min(table), whole, name)
            })
            .min();
        let hint = match close {
            Some((distance, _, name)) if distance <= 3 => format!("Did you mean {name}?"),
            _ if names.is_empty() => "Nothing was published yet: `twinlake run` publishes.".to_string(),
            _ => "`SELECT DISTINCT relation FROM twin.columns` lists the relations there are.".to_string(),
        };
        Error::new(ErrorKind::Sql, format!("there is no relation {wanted}")).with_hint(hint)
    }
}

pub(super) fn read_only() -> SQLOptions {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false)
}
