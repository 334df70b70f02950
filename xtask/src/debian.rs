//! Debian's cloud kernels, fetched through a private apt: own lists, own cache, the system's mirrors and keys.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{apt, process};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A kernel unpacked in the cache.
pub(crate) struct Kernel {
    pub(crate) image: PathBuf,
    /// As `uname -r` says it.
    pub(crate) release: String,
}

/// A directory of kernels, one subdirectory a version.
pub(crate) struct Cache {
    directory: PathBuf,
    /// Whether the package lists are this run's.
    fresh: Cell<bool>,
}

impl Cache {
    pub(crate) fn open(directory: PathBuf) -> Result<Self> {
        fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
        Ok(Self { directory, fresh: Cell::new(false) })
    }

    /// The kernel of this version, from the cache or from Debian.
    pub(crate) fn kernel(&self, version: &str) -> Result<Kernel> {
        let place = self.directory.join(version);
        if !place.is_dir() {
            self.fetch(version, &place)?;
        }
        let release = read_text(&place.join("release"))?;
        Ok(Kernel { image: place.join("vmlinuz"), release: release.trim().into() })
    }

    fn fetch(&self, version: &str, place: &Path) -> Result<()> {
        self.refresh_lists()?;
        let package = self.newest_package(version)?;
        let release = package.trim_start_matches("linux-image-");
        // Up to 6.x the image is one package; later it is a shell over others.
        let binary = format!("linux-binary-{release}");
        let package = if self.exists(&binary) { &binary } else { &package };
        println!("fetching   {package}");

        let scratch = self.directory.join(format!("{version}.part"));
        remove(&scratch)?;
        let (download, unpacked, kept) = (scratch.join("download"), scratch.join("unpacked"), scratch.join("kept"));
        for directory in [&download, &kept] {
            fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        }
        process::read(self.apt("apt-get").args(["-qq", "download", package]).current_dir(&download))?;
        let archive = find_file(&download, &|name| name.ends_with(".deb"))?
            .with_context(|| format!("apt downloaded no package for {package}"))?;
        process::run(Command::new("dpkg-deb").arg("-x").args([&archive, &unpacked]))?;
        let image = find_file(&unpacked, &|name| name.starts_with("vmlinuz"))?
            .with_context(|| format!("no kernel image in {package}"))?;
        let image_kept = kept.join("vmlinuz");
        fs::rename(&image, &image_kept).with_context(|| format!("cannot move {}", image.display()))?;
        fs::write(kept.join("release"), release).context("cannot write the kernel's release")?;
        // Last: what has the final name is whole.
        fs::rename(&kept, place).with_context(|| format!("cannot create {}", place.display()))?;
        remove(&scratch)
    }

    /// A program of apt, with our configuration in place of the system's.
    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.directory.join("apt/apt.conf")).env("LC_ALL", "C");
        command
    }

    /// Once a run, and only when a kernel is missing.
    fn refresh_lists(&self) -> Result<()> {
        if self.fresh.get() {
            return Ok(());
        }
        let home = self.directory.join("apt");
        ensure!(
            Path::new(KEYRING).is_file(),
            "missing: {KEYRING} (package debian-archive-keyring): kernels are not fetched unverified"
        );
        for directory in ["lists/partial", "archives/partial", "state"] {
            fs::create_dir_all(home.join(directory)).context("cannot create the private apt directories")?;
        }
        fs::write(home.join("sources.list"), sources(&Mirrors::of_system()?)).context("cannot write sources.list")?;
        fs::write(home.join("apt.conf"), configuration(&home)).context("cannot write apt.conf")?;
        println!("updating   package lists of Debian's kernels");
        process::read(self.apt("apt-get").args(["-qq", "update"]))?;
        self.fresh.set(true);
        Ok(())
    }

    fn newest_package(&self, version: &str) -> Result<String> {
        let pattern = format!("^linux-image-{}[.][0-9.]*.*-cloud-amd64$", version.replace('.', "[.]"));
        let found = process::read(self.apt("apt-cache").args(["--names-only", "search", &pattern]))?;
        newest(found.lines().filter_map(|line| line.split_whitespace().next()))
            .map(String::from)
            .with_context(|| format!("Debian has no cloud kernel {version} any more"))
    }

    fn exists(&self, package: &str) -> bool {
        process::read(self.apt("apt-cache").args(["show", package])).is_ok()
    }
}

/// Where the system's apt gets Debian from.
struct Mirrors {
    main: String,
    security: Option<String>,
}

impl Mirrors {
    fn of_system() -> Result<Self> {
        if let Some(mirrors) = Self::ask()? {
            return Ok(mirrors);
        }
        // apt names only sources whose lists are there.
        apt::update()?;
        Self::ask()?.context("no Debian source is configured here: the kernels come from Debian (see `--skip-kernels` of `cargo xtask test`)")
    }

    fn ask() -> Result<Option<Self>> {
        let format = "$(REPO_URI) $(CODENAME) $(ORIGIN)";
        let text =
            process::read(Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Option<Self> {
        let uri = |wanted: &dyn Fn(&str) -> bool| {
            text.lines().find_map(|line| {
                let mut words = line.split_whitespace();
                let (uri, codename, origin) = (words.next()?, words.next()?, words.next()?);
                (origin == "Debian" && wanted(codename)).then(|| uri.to_owned())
            })
        };
        let main = uri(&|codename| !codename.contains('-'))?;
        Some(Self { main, security: uri(&|codename| codename.ends_with("-security")) })
    }
}

/// The suites that have the kernels of the matrix.
fn sources(mirrors: &Mirrors) -> String {
    let line = |uri: &str, suite: &str| format!("deb [signed-by={KEYRING}] {uri} {suite} main\n");
    let main = ["bookworm", "trixie", "trixie-backports"].map(|suite| line(&mirrors.main, suite));
    let security = mirrors
        .security
        .iter()
        .flat_map(|uri| ["bullseye-security", "bookworm-security"].map(|suite| line(uri, suite)));
    main.into_iter().chain(security).collect()
}

fn configuration(home: &Path) -> String {
    let home = home.display();
    format!(
        r#"Dir::State "{home}/state";
Dir::State::Lists "{home}/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "{home}";
Dir::Cache::archives "{home}/archives";
Dir::Etc::SourceList "{home}/sources.list";
Dir::Etc::SourceParts "/dev/null";
APT::Architecture "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
"#
    )
}

/// The name with the highest version among signed kernel images.
fn newest<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let signed = names.filter(|name| !name.contains("-unsigned") && !name.ends_with("-dbg"));
    signed.max_by_key(|name| numbers(name))
}

fn numbers(text: &str) -> Vec<u64> {
    text.split(|character: char| !character.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// The first regular file below `directory` with such a name.
fn find_file(directory: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Option<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", directory.display()))?;
        let kind = entry.file_type().with_context(|| format!("cannot inspect {}", entry.path().display()))?;
        if kind.is_dir() {
            if let Some(found) = find_file(&entry.path(), wanted)? {
                return Ok(Some(found));
            }
        } else if kind.is_file() && entry.file_name().to_str().is_some_and(wanted) {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

fn read_text(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn remove(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let names = [
            "linux-image-6.1.0-9-cloud-amd64",
            "linux-image-6.1.0-41-cloud-amd64",
            "linux-image-6.1.0-99-cloud-amd64-dbg",
            "linux-image-6.1.0-40-cloud-amd64",
        ];
        assert_eq!(newest(names.into_iter()), Some("linux-image-6.1.0-41-cloud-amd64"));
        assert_eq!(newest(std::iter::empty()), None);
    }

    #[test]
    fn mirrors_are_the_systems_own() {
        let text = "https://other.test/x/ bookworm Other\nhttps://mirror.test/debian/ bookworm-updates Debian\n\
                    https://mirror.test/debian/ bookworm Debian\nhttps://mirror.test/security/ bookworm-security Debian\n";
        let mirrors = Mirrors::parse(text).unwrap();
        assert_eq!(mirrors.main, "https://mirror.test/debian/");
        assert_eq!(mirrors.security.as_deref(), Some("https://mirror.test/security/"));
        assert_eq!(sources(&mirrors).lines().count(), 5);
        assert!(Mirrors::parse("").is_none());
    }
}
