//! A file of rows, one line of JSON each, of one process: it writes it, holds its lock as long as it lives, and nothing ends the process so
//! suddenly that a line that was written is lost. (The machine's end may take the last moments.)
//!
//! The first line tells the replica. A file without its lock is a dead process's, and is whoever's who locks it.

use ring::rand::{SecureRandom, SystemRandom};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What files are called at their end.
const SUFFIX: &str = "journal";

/// The same, before the first line is in it.
const UNBORN: &str = "new";

/// Of a row that no database takes: it is for somebody to look at.
const REFUSED: &str = "refused";

/// Bytes that are read at once; a line is much shorter.
const AT_ONCE: usize = 512 << 10;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    /// How the lines are to be read.
    version: u32,
    replica: String,
}

const VERSION: u32 = 1;

/// The file that this process writes.
#[derive(Debug)]
pub struct Own {
    pub id: String,
    replica: String,
    path: PathBuf,
    file: File,
    length: u64,
    /// It ends with half a line that cannot be cut off: nothing more is to be written.
    pub is_torn: bool,
}

/// A file that is read; its lock is held.
#[derive(Debug)]
pub struct Tail {
    pub id: String,
    pub replica: String,
    path: PathBuf,
    file: File,
}

/// Some whole lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// The lines, each with its end.
    pub bytes: Vec<u8>,
    /// Whether there is nothing behind them but half a line.
    pub is_last: bool,
}

/// A name that no other has.
///
/// Errors: the system has no random numbers.
pub fn unique() -> io::Result<String> {
    let mut chance = [0; 16];
    let random = SystemRandom::new().fill(&mut chance);
    random.map_err(|_| io::Error::other("the system has no random numbers"))?;
    let mut name = String::with_capacity(2 * chance.len());
    for byte in chance {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}

impl Own {
    /// A new file in a folder, which is made where there is none.
    pub fn create(folder: &Path, replica: &str) -> io::Result<Own> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let id = unique()?;
        let unborn = folder.join(&id).with_extension(UNBORN);
        let path = folder.join(&id).with_extension(SUFFIX);
        let mut options = OpenOptions::new();
        let file = options
            .append(true)
            .read(true)
            .create_new(true)
            .mode(0o600)
            .open(&unborn)?;
        let born = || {
            // Before anybody looks for it by its name.
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            let head = Head {
                version: VERSION,
                replica: replica.to_owned(),
            };
            let mut head = serde_json::to_vec(&head)?;
            head.push(b'\n');
            (&file).write_all(&head)?;
            fs::rename(&unborn, &path)?;
            Ok(head.len() as u64)
        };
        match born() {
            Ok(length) => Ok(Own {
                id,
                replica: replica.to_owned(),
                path,
                file,
                length,
                is_torn: false,
            }),
            Err(e) => {
                let _ = fs::remove_file(&unborn);
                Err(e)
            }
        }
    }

    /// So many bytes are in it.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Writes lines at its end, all or none.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        match self.write(lines) {
            Ok(()) => {
                self.length += lines.len() as u64;
                Ok(())
            }
            Err(e) => {
                // Half a line would make one with the next.
                self.is_torn = self.file.set_len(self.length).is_err();
                Err(e)
            }
        }
    }

    fn write(&self, lines: &[u8]) -> io::Result<()> {
        (&self.file).write_all(lines)
    }

    /// To read it while it is written.
    pub fn tail(&self) -> io::Result<Tail> {
        Ok(Tail {
            id: self.id.clone(),
            replica: self.replica.clone(),
            path: self.path.clone(),
            file: self.file.try_clone()?,
        })
    }
}

impl Tail {
    /// Takes the file of a process that is dead; `None`: it lives, or somebody else has it.
    ///
    /// Errors: the file cannot be read, or says nothing that is known.
    pub fn adopt(path: &Path) -> io::Result<Option<Tail>> {
        let file = match File::open(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(e) => return Err(e.into()),
        }
        // Whoever had it may have removed it meanwhile.
        let is_there = fs::metadata(path).is_ok_and(|there| {
            file.metadata()
                .is_ok_and(|own| own.ino() == there.ino() && own.dev() == there.dev())
        });
        if !is_there {
            return Ok(None);
        }
        let id = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let mut tail = Tail {
            id: id.to_owned(),
            replica: String::new(),
            path: path.to_owned(),
            file,
        };
        let head = tail.read(0, u64::MAX)?;
        let head = head
            .bytes
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let head: Head = serde_json::from_slice(head)?;
        if head.version != VERSION {
            let message = format!(
                "expected version {VERSION} of its lines, got {}",
                head.version
            );
            return Err(io::Error::new(ErrorKind::InvalidData, message));
        }
        tail.replica = head.replica;
        Ok(Some(tail))
    }

    /// Whole lines from a place on, not beyond `end`.
    pub fn read(&self, from: u64, end: u64) -> io::Result<Lines> {
        let most = end.saturating_sub(from).min(AT_ONCE as u64) as usize;
        let mut bytes = vec![0; most];
        let mut filled = 0;
        while filled < most {
            match self
                .file
                .read_at(&mut bytes[filled..], from + filled as u64)
            {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        bytes.truncate(filled);
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let is_last = filled < AT_ONCE;
        match (whole, is_last) {
            // No line of ours is so long.
            (0, false) => {}
            _ => bytes.truncate(whole),
        }
        Ok(Lines { bytes, is_last })
    }

    /// Puts lines aside that no database takes.
    pub fn refuse(&self, from: u64, to: u64) -> io::Result<()> {
        let lines = self.read(from, to)?;
        let path = self.path.with_extension(REFUSED);
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(path)?;
        file.write_all(&lines.bytes)
    }

    /// It is in the database, and of no use any more.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// The files of a folder, of living and dead processes. Files that were never finished are removed.
pub fn all(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(SUFFIX) => found.push(path),
            Some(UNBORN) => {
                let is_dead = File::open(&path).is_ok_and(|file| {
                    flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
                });
                // One that was not locked yet a moment ago is not dead.
                let is_old = fs::metadata(&path)
                    .and_then(|m| m.modified())
                    .is_ok_and(|at| at.elapsed().is_ok_and(|age| age.as_secs() > 60));
                if is_dead && is_old {
                    let _ = fs::remove_file(&path);
                }
            }
            _ => {}
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A folder of a test, removed with it.
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new() -> Folder {
            let name = format!("mishikallm-spend-{}", unique().unwrap());
            Folder(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn path(own: &Own) -> PathBuf {
        own.path.clone()
    }

    fn text(tail: &Tail, from: u64, end: u64) -> String {
        String::from_utf8(tail.read(from, end).unwrap().bytes).unwrap()
    }

    #[test]
    fn a_file_is_its_owners_alone_and_tells_whose_it_is() {
        let folder = Folder::new();
        let own = Own::create(&folder.0, "replica 1").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path(&own)), mode(&folder.0)), (0o600, 0o700));
        assert!(Tail::adopt(&path(&own)).unwrap().is_none(), "it lives");
        let left = path(&own);
        drop(own);
        let tail = Tail::adopt(&left).unwrap().unwrap();
        assert_eq!(tail.replica, "replica 1");
        assert!(Tail::adopt(&left).unwrap().is_none(), "somebody has it");
        tail.remove().unwrap();
        drop(tail);
        assert!(Tail::adopt(&left).unwrap().is_none(), "it is gone");
    }

    #[test]
    fn half_a_line_at_the_end_is_no_line() {
        let folder = Folder::new();
        let mut own = Own::create(&folder.0, "r").unwrap();
        let head = own.length();
        own.append(b"one\ntwo\n").unwrap();
        own.append(b"thr").unwrap();
        let tail = own.tail().unwrap();
        assert_eq!(text(&tail, head, u64::MAX), "one\ntwo\n");
        assert_eq!(text(&tail, head, head + 4), "one\n");
        assert_eq!(text(&tail, head + 4, own.length()), "two\n");
        assert!(tail.read(head, u64::MAX).unwrap().is_last);
    }

    #[test]
    fn much_is_read_in_portions_of_whole_lines() {
        let folder = Folder::new();
        let mut own = Own::create(&folder.0, "r").unwrap();
        let line = [vec![b'x'; 999], vec![b'\n']].concat();
        let (tail, mut at) = (own.tail().unwrap(), own.length());
        for _ in 0..1_000 {
            own.append(&line).unwrap();
        }
        let mut count = 0;
        loop {
            let lines = tail.read(at, own.length()).unwrap();
            assert_eq!(lines.bytes.len() % 1_000, 0);
            count += lines.bytes.len() / 1_000;
            at += lines.bytes.len() as u64;
            if lines.is_last {
                break;
            }
        }
        assert_eq!(count, 1_000);
    }

    #[test]
    fn what_is_no_journal_is_not_adopted() {
        let folder = Folder::new();
        fs::create_dir_all(&folder.0).unwrap();
        for (name, text) in [("a", ""), ("b", "{\"version\":9,\"replica\":\"r\"}\n")] {
            let path = folder.0.join(name).with_extension(SUFFIX);
            fs::write(&path, text).unwrap();
            assert!(Tail::adopt(&path).is_err(), "{name}");
        }
        assert_eq!(all(&folder.0).unwrap().len(), 2);
        assert_eq!(all(&folder.0.join("none")).unwrap().len(), 0);
    }
}
