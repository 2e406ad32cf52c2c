//! "Did you mean ...?"

/// The known name most like `text`, if any is like it at all.
pub fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    let allowed = (text.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&text, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// The hint for an unknown name: the nearest known one, or else all of them.
pub fn hint<'a>(text: &str, known: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> String {
    if let Some(near) = nearest(text, known.clone()) {
        return format!("Did you mean {near:?}?");
    }
    let names: Vec<&str> = known.into_iter().collect();
    match names.is_empty() {
        true => format!("There are no {what}."),
        false => format!("Known {what}: {}.", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_alike() {
        assert_eq!(nearest("formt", ["format", "files"]), Some("format"));
        assert_eq!(nearest("FORMAT", ["format"]), Some("format"));
        assert_eq!(nearest("colour", ["name", "key"]), None);
    }
}
