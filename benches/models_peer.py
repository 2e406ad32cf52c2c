"""The peers of benches/models.rs: a task as JSON on standard input, an answer as JSON on standard output."""

import json
import os
import sys
import time

os.environ["NIXTLA_ID_AS_COL"] = "1"

import numpy as np
import pandas as pd


def forecast(task):
    """Per model the sums over series of sMAPE and MASE, and the seconds it took."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoCES, AutoETS, DynamicOptimizedTheta

    season, horizon = task["season"], task["horizon"]
    frame = pd.concat(
        pd.DataFrame({"unique_id": name, "ds": np.arange(len(y)), "y": y}) for name, y in task["train"].items()
    )
    answer = {}
    models = [
        ("DynamicOptimizedTheta", DynamicOptimizedTheta),
        ("AutoETS", AutoETS),
        ("AutoCES", AutoCES),
    ]
    for name, make in models:
        began = time.perf_counter()
        engine = StatsForecast(models=[make(season_length=season, alias="f")], freq=1, n_jobs=2)
        found = engine.forecast(df=frame, h=horizon).groupby("unique_id")["f"]
        seconds = time.perf_counter() - began
        smape = mase = 0.0
        ahead = {series: values.to_numpy() for series, values in found}
        for series, actual in task["test"].items():
            y, f, history = np.array(actual), ahead[series][: len(actual)], np.array(task["train"][series])
            scale = np.abs(history[season:] - history[:-season]).mean()
            smape += (200 * np.abs(y - f) / (np.abs(y) + np.abs(f))).mean()
            mase += np.abs(y - f).mean() / scale
        answer[name] = {"series": len(task["test"]), "smape": smape, "mase": mase, "seconds": seconds}
    return answer


def calibration(y, p, bins=10):
    """Mean distance between probability and frequency over ten bins of equal width."""
    place = np.minimum((p * bins).astype(int), bins - 1)
    return sum(abs(y[place == b].mean() - p[place == b].mean()) * (place == b).mean() for b in np.unique(place))


def risk(task):
    """Per model: rows judged, AUC, log loss, calibration error."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss, roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    frame = pd.read_csv(task["csv"])
    outcome, teaches = frame.pop("outcome").to_numpy(), frame.pop("teaches").astype(str).str.lower() == "true"
    ours, teaches = frame.pop("probability").to_numpy(), teaches.to_numpy()
    frame = frame.drop(columns=[task["key"]])
    text = [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c])]
    number = [c for c in frame if c not in text]
    frame[text] = frame[text].fillna("missing").astype(str)

    def columns(for_text, for_number):
        return ColumnTransformer([("text", for_text, text), ("number", for_number, number)])

    scaled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=250)
    native = HistGradientBoostingClassifier(random_state=0, categorical_features=list(range(len(text))))
    models = {
        "scikit-learn: logistic regression": (columns(one_hot, scaled), LogisticRegression(max_iter=5000)),
        "scikit-learn: histogram boosting": (columns(ordinal, "passthrough"), native),
        "scikit-learn: gradient boosting": (
            columns(one_hot, SimpleImputer(strategy="median")),
            GradientBoostingClassifier(random_state=0),
        ),
    }
    judged = ~teaches
    y = outcome[judged]
    probabilities = {"Twinlake: published": ours[judged]}
    for name, parts in models.items():
        model = make_pipeline(*parts).fit(frame[teaches], outcome[teaches])
        probabilities[name] = model.predict_proba(frame[judged])[:, 1]
    return {
        name: [int(judged.sum()), roc_auc_score(y, p), log_loss(y, p), calibration(y, p)]
        for name, p in probabilities.items()
    }


if __name__ == "__main__":
    json.dump({"forecast": forecast, "risk": risk}[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
