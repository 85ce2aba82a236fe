//! Ctrl-C and `kill`: the first one asks the run to stop in good order, a second one ends the program at once.

use dbferry::{Cancel, Error};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// The name of a signal that is listened to.
pub(crate) fn name(signal: i32) -> &'static str {
    match signal {
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        _ => "a signal",
    }
}

/// What the signals so far amount to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    cancel: Cancel,
    received: Arc<AtomicUsize>,
}

impl Signals {
    /// Takes over SIGINT and SIGTERM.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn install() -> Result<Self, Error> {
        let signals = Self::default();
        let seen = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            let register = || {
                // The order matters: the shutdown comes first, so that it acts on what an earlier signal has left.
                flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&seen))?;
                flag::register(signal, Arc::clone(&seen))?;
                flag::register_usize(signal, Arc::clone(&signals.received), signal.unsigned_abs() as usize)
            };
            register().map_err(|error| Error::io("cannot listen to signals", error))?;
        }
        // A write beyond the shell's limit on file sizes is then an error with words, not a sudden death.
        #[cfg(unix)]
        flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)))
            .map_err(|error| Error::io("cannot listen to signals", error))?;
        // A handler may do next to nothing, so a thread looks at what it left and raises the flag that the run looks at.
        let relay = signals.clone();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                while relay.received.load(Ordering::Relaxed) == 0 {
                    std::thread::sleep(Duration::from_millis(20));
                }
                relay.cancel.cancel();
            })
            .map_err(|error| Error::io("cannot start a thread", error))?;
        Ok(signals)
    }

    /// The flag that a signal raises.
    pub(crate) fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// The last signal that came, if one did.
    pub(crate) fn received(&self) -> Option<i32> {
        i32::try_from(self.received.load(Ordering::Relaxed)).ok().filter(|signal| *signal != 0)
    }
}
