//! Our SQL functions. `as_of()` is the run's instant: what `now()` would be, if a view were allowed to ask.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::clock::Instant;
use crate::lake::columns::instant_type;

/// `as_of()`: the instant that a session computes for, as a UTC timestamp.
pub fn as_of_function(instant: Instant) -> ScalarUDF {
    ScalarUDF::new_from_impl(AsOf {
        signature: Signature::nullary(Volatility::Immutable),
        micros: instant.timestamp_micros(),
    })
}

/// Whether a function's value changes from call to call, so that a view using it could not be replayed.
pub fn is_volatile(function: &str) -> bool {
    matches!(
        function.to_ascii_lowercase().as_str(),
        "now" | "current_timestamp" | "current_date" | "current_time" | "today" | "random" | "uuid"
    )
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AsOf {
    signature: Signature,
    micros: i64,
}

impl ScalarUDFImpl for AsOf {
    fn name(&self) -> &str {
        "as_of"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(instant_type())
    }
    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::TimestampMicrosecond(Some(self.micros), Some("UTC".into()))))
    }
}
