//! What was found, told to the kernel side.

use super::search::Programs;
use crate::kernel::{KernelError, Sensor};
use std::path::Path;

/// Under it nothing can be: the name alone counts.
const NOWHERE: &str = "/dev/null";

impl Programs {
    /// Has the sensor, which is attached, take the programs down for `policy`.
    ///
    /// # Errors
    /// When there is no room, or a program was opened and not seen.
    pub(in crate::live) fn register(&self, sensor: &mut Sensor, policy: u32) -> Result<(), KernelError> {
        // Names of what is not there first: a file that is there says more.
        for (name, program) in &self.missing {
            sensor.trust(policy, &Path::new(NOWHERE).join(name), *program)?;
        }
        for (path, program) in &self.files {
            sensor.trust(policy, path, *program)?;
        }
        for (key, script) in self.scripts.rows(policy) {
            sensor.name_script(key, script)?;
        }
        Ok(())
    }
}
