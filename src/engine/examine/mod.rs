//! What is wrong with a piece of SQL, and where: planning it down to operators, reading nothing.

mod culprit;
mod explain;
mod names;

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, ExprWithAlias};

use crate::engine::session::{Session, read_only};

pub use explain::type_name;
pub use names::{Mention, OutputColumn, output_columns};

/// Something wrong with a piece of SQL: `range` is in its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// A stable name for the kind of mistake, such as `unknown-column`.
    pub code: &'static str,
    /// Where.
    pub range: Range<usize>,
    /// What; lowercase.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Flaw {
    /// The code of a column that is not there.
    pub const UNKNOWN_COLUMN: &'static str = "unknown-column";
    /// The code of a relation that is not there.
    pub const UNKNOWN_RELATION: &'static str = "unknown-relation";
    /// The code of a function that is not there.
    pub const UNKNOWN_FUNCTION: &'static str = "unknown-function";
}

/// Why something could not be planned.
struct Failure {
    error: DataFusionError,
    /// Whether the error is about the text itself, so that the places it names are in it.
    of_text: bool,
}

impl Session {
    /// Plans a query as a run would, without reading anything.
    ///
    /// # Errors
    /// What keeps it from being planned, in no particular order; at least one.
    pub async fn examine(&self, sql: &str) -> Result<LogicalPlan, Vec<Flaw>> {
        let state = self.examining();
        let dialect = state.config().options().sql_parser.dialect;
        let statement = match state.sql_to_statement(sql, &dialect) {
            Ok(statement) => statement,
            Err(error) => return Err(explain::flaws(&state, sql, &error, None)),
        };
        let failure = match plan(&state, statement.clone()).await {
            Ok(plan) => return Ok(plan),
            Err(failure) => failure,
        };
        let mut guilty = Vec::new();
        if !(failure.of_text && explain::tells_all_places(&failure.error))
            && let Statement::Statement(parsed) = &statement
        {
            for piece in culprit::pieces(parsed.as_ref(), sql) {
                let without =
                    Statement::Statement(Box::new(culprit::without(parsed.as_ref(), &piece.expression)));
                if plan(&state, without).await.is_ok() {
                    guilty.push(piece);
                }
            }
        }
        let error = match failure.of_text {
            true => failure.error,
            // What it says about places is about other texts: those of the views it reads.
            false => without_places(failure.error),
        };
        Err(explain::flaws(&state, sql, &error, culprit::place(&guilty)))
    }

    /// The type that an expression over columns has.
    ///
    /// # Errors
    /// What keeps it from being evaluated.
    pub fn examine_expression(&self, sql: &str, columns: &Schema) -> Result<DataType, Vec<Flaw>> {
        let state = self.examining();
        let dialect = state.config().options().sql_parser.dialect;
        let outcome = DFSchema::try_from(columns.clone())
            .and_then(|schema| Ok((state.sql_to_expr(sql, &dialect)?, schema)));
        let (expression, schema) = match outcome {
            Ok(parsed) => parsed,
            Err(error) => return Err(explain::flaws(&state, sql, &error, None)),
        };
        let typed = |expression: Expr| -> Result<DataType, DataFusionError> {
            physical(&state, expression, &schema)?.data_type(columns)
        };
        let error = match typed(expression.clone()) {
            Ok(data_type) => return Ok(data_type),
            Err(error) => error,
        };
        let mut guilty = Vec::new();
        if !explain::tells_all_places(&error) {
            for piece in culprit::pieces(&expression, sql) {
                if typed(culprit::without(&expression, &piece.expression)).is_ok() {
                    guilty.push(piece);
                }
            }
        }
        Err(explain::flaws(&state, sql, &error, culprit::place(&guilty)))
    }

    /// The relations that a query names, in order of place; CTEs and table functions are none.
    ///
    /// # Errors
    /// When it does not parse.
    pub fn mentions(&self, sql: &str) -> Result<Vec<Mention>, Vec<Flaw>> {
        let state = self.examining();
        names::mentions(&state, sql).map_err(|error| explain::flaws(&state, sql, &error, None))
    }

    /// A state that remembers where in the text things stand.
    fn examining(&self) -> SessionState {
        let mut state = self.state();
        state.config_mut().options_mut().sql_parser.collect_spans = true;
        state
    }
}

async fn plan(state: &SessionState, statement: Statement) -> Result<LogicalPlan, Failure> {
    let of_text = |error| Failure { error, of_text: true };
    let plan = state.statement_to_plan(statement).await.map_err(of_text)?;
    read_only().verify_plan(&plan).map_err(of_text)?;
    // Types are settled by the analyzer, and some queries have a plan but no operators.
    match state.create_physical_plan(&plan).await {
        Ok(_) => Ok(plan),
        Err(error) => Err(Failure { error, of_text: false }),
    }
}

fn physical(
    state: &SessionState,
    expression: Expr,
    schema: &DFSchema,
) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
    let expression = ExprWithAlias { expr: expression, alias: None };
    state.create_physical_expr(state.create_logical_expr_from_sql_expr(expression, schema)?, schema)
}

fn without_places(error: DataFusionError) -> DataFusionError {
    match error {
        DataFusionError::Diagnostic(_, error) => without_places(*error),
        error => error,
    }
}
