//! How long the texts of a request may be: what is kept of it goes to the audit log, the journal and the list of jobs.

use super::answer::Answer;
use crate::{Error, ErrorKind};

/// The most groups that a request may name.
const GROUPS: usize = 200;
/// The longest name of a group, in characters; an archive allows no longer ones either.
const GROUP: usize = 255;
/// The longest description of a backup, in characters.
const DESCRIPTION: usize = 1_000;

/// # Errors
/// [`ErrorKind::Usage`] when there are too many groups, or the name of one is too long.
pub(super) fn groups(groups: Option<&[String]>) -> Answer<()> {
    let groups = groups.unwrap_or_default();
    if groups.len() > GROUPS {
        let message = format!("a request names at most {GROUPS} groups, this one {}", groups.len());
        return Err(Error::new(ErrorKind::Usage, message).hint("leave `groups` away to take all of them").into());
    }
    groups.iter().try_for_each(|group| text("the name of a group", group, GROUP))
}

/// # Errors
/// [`ErrorKind::Usage`] when it is too long.
pub(super) fn description(description: Option<&str>) -> Answer<()> {
    text("a description", description.unwrap_or_default(), DESCRIPTION)
}

fn text(what: &str, text: &str, most: usize) -> Answer<()> {
    // No character has less than a byte, so most texts need not be counted.
    if text.len() > most && text.chars().count() > most {
        let message = format!("{what} has at most {most} characters");
        return Err(Error::new(ErrorKind::Usage, message).hint("shorten it").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_an_end() {
        assert!(groups(None).is_ok() && groups(Some(&vec!["é".repeat(GROUP); GROUPS])).is_ok());
        assert!(groups(Some(&vec!["x".to_owned(); GROUPS + 1])).is_err());
        assert!(groups(Some(&["x".repeat(GROUP + 1)])).is_err());
        assert!(description(None).is_ok() && description(Some(&"é".repeat(DESCRIPTION))).is_ok());
        assert!(description(Some(&"x".repeat(DESCRIPTION + 1))).is_err());
    }
}
