//! A real PostgreSQL: a server of the test's own in a temporary folder, with a password as real ones have.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Folder, GIVE_UP};

/// Of its one user.
pub const PASSWORD: &str = "hunter2@home";

/// As a URL has it.
const PASSWORD_IN_URL: &str = "hunter2%40home";

const USER: &str = "postgres";

/// Ports that the system gives to nobody by itself, so that a server that was stopped has its port again.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// Runs the server until it is told to stop it, or until the test's process ends, however it does: then nothing is left of it.
const KEEPER: &str = r#"
folder=$1
shift
"$@" &
server=$!
read -r _
told=$?
kill -s QUIT "$server"
# One that has only begun does not hear it yet.
while sleep 0.1 && kill -s QUIT "$server"; do :; done 2>/dev/null &
wait "$server"
[ "$told" = 0 ] || rm -rf "$folder"
"#;

/// A server. It and its folder are gone when this is dropped, and when the test's process ends.
pub struct Postgres {
    port: u16,
    /// With its programs.
    programs: PathBuf,
    folder: Folder,
    keeper: Mutex<Option<Child>>,
}

impl Postgres {
    /// A new one, without any database but its own.
    #[track_caller]
    pub fn start() -> Postgres {
        let folder = Folder::new();
        let mut server = Postgres {
            port: 0,
            programs: programs(),
            folder,
            keeper: Mutex::new(None),
        };
        server.make();
        let mut why = String::new();
        for _ in 0..10 {
            server.port = port();
            match server.run() {
                Ok(()) => return server,
                Err(said) => why = said,
            }
        }
        panic!("PostgreSQL does not start:\n{why}");
    }

    /// One that all tests of this process share, which need only a database of their own.
    #[track_caller]
    pub fn shared() -> &'static Postgres {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Postgres::start)
    }

    /// The URL of a new database, with the password.
    #[track_caller]
    pub fn database(&self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Of one of its databases, with the password.
    pub fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgresql://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{port}/{database}")
    }

    /// What SQL answers in this database: lines, of columns with `|` between them.
    #[track_caller]
    pub fn sql(&self, database: &str, text: &str) -> String {
        let output = self.psql(database, text);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}: {said}");
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Ends it as a power failure would. Its port and its databases stay.
    pub fn stop(&self) {
        let keeper = self
            .keeper
            .lock()
            .expect("no test panics in between")
            .take();
        if let Some(mut keeper) = keeper {
            if let Some(mut input) = keeper.stdin.take() {
                let _ = input.write_all(b"stop\n");
            }
            let _ = keeper.wait();
        }
    }

    /// Runs it again.
    #[track_caller]
    pub fn restart(&self) {
        self.stop();
        self.run()
            .unwrap_or_else(|why| panic!("PostgreSQL does not start again:\n{why}"));
    }

    /// Holds it still, so that it takes connections and says nothing, until [`Postgres::resume`].
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// To all of its processes.
    fn signal(&self, name: &str) {
        let keeper = self.keeper.lock().expect("no test panics in between");
        let group = keeper.as_ref().expect("it runs").id();
        // The keeper's children, and theirs.
        let all = children(group).into_iter();
        for server in all {
            for process in children(server).into_iter().chain([server]) {
                let id = process.to_string();
                let _ = Command::new("kill").args(["-s", name, &id]).status();
            }
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.0.join("data")
    }

    /// The files of its databases.
    fn make(&self) {
        let folder = &self.folder.0;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("a folder of ours");
        let password = folder.join("password");
        let mut file = fs::File::create(&password).expect("a file");
        writeln!(file, "{PASSWORD}").expect("a file");
        if let Some((user, group)) = other_user() {
            chown(folder, Some(user), Some(group)).expect("root");
        }
        let mut command = self.command("initdb");
        command.args([
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
            "--username",
            USER,
        ]);
        command
            .args(["--auth=scram-sha-256", "--pwfile"])
            .arg(&password);
        command.arg("--pgdata").arg(self.data());
        let output = command.output().expect("initdb can be started");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "initdb: {said}");
        // One of the tests' does not need to survive a power failure.
        let settings = "fsync = off\nfull_page_writes = off\n\
            shared_buffers = 16MB\nmax_connections = 200\nmax_wal_size = 256MB\ndeadlock_timeout = 50ms\n";
        let path = self.data().join("postgresql.conf");
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(path)
            .expect("its settings");
        file.write_all(settings.as_bytes()).expect("its settings");
    }

    /// Runs it until it takes connections.
    fn run(&self) -> Result<(), String> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.0.join("log"))
            .map_err(|why| why.to_string())?;
        let mut command = as_other_user("sh");
        command.args(["-c", KEEPER, "sh"]).arg(&self.folder.0);
        command
            .arg(self.programs.join("postgres"))
            .arg("-D")
            .arg(self.data());
        command.arg("-k").arg(&self.folder.0);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command.stdin(Stdio::piped());
        command.stdout(log.try_clone().map_err(|why| why.to_string())?);
        // An interrupt at the keyboard is not its own: it ends as it always does, when its input is closed.
        command.stderr(log).process_group(0);
        let keeper = command.spawn().map_err(|why| why.to_string())?;
        let id = keeper.id();
        *self.keeper.lock().expect("no test panics in between") = Some(keeper);
        let until = Instant::now() + GIVE_UP;
        let mut has_begun = false;
        while !self.psql("postgres", "SELECT 1").status.success() {
            let is_there = !children(id).is_empty();
            let has_ended = has_begun && !is_there;
            has_begun |= is_there;
            if has_ended || Instant::now() > until {
                self.stop();
                let log = fs::read(self.folder.0.join("log")).unwrap_or_default();
                return Err(String::from_utf8_lossy(&log).into_owned());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn psql(&self, database: &str, text: &str) -> Output {
        let mut command = self.command("psql");
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"]);
        command.arg(self.url(database)).args(["-c", text]);
        command.output().expect("psql can be started")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = as_other_user(self.programs.join(name));
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where the newest one's programs are.
#[track_caller]
fn programs() -> PathBuf {
    let mut all: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    // Debian's, of which none is in the path.
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    all.extend(versions.into_iter().rev().map(|(_, path)| path));
    let has_all = |path: &PathBuf| {
        ["initdb", "postgres", "psql"]
            .iter()
            .all(|n| path.join(n).is_file())
    };
    all.into_iter().find(has_all).unwrap_or_else(|| {
        panic!("PostgreSQL is not installed. On Debian: sudo apt-get install postgresql")
    })
}

fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = std::process::id() as usize * 37;
    loop {
        let nth = first + usize::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + (nth % PORTS.len()) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// PostgreSQL does not run as root: as whom then.
fn other_user() -> Option<(u32, u32)> {
    static OTHER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    *OTHER.get_or_init(|| match id(&["-u"]) {
        Some(0) => {
            let of = |name| Some((id(&["-u", name])?, id(&["-g", name])?));
            of("postgres").or_else(|| of("nobody"))
        }
        _ => None,
    })
}

fn as_other_user(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    // Where everybody may be; and nothing of the tester's says what server there is.
    command.current_dir("/");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(&name);
        }
    }
    command
}

/// Of a process.
fn children(id: u32) -> Vec<u32> {
    let path = Path::new("/proc").join(format!("{id}/task/{id}/children"));
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect()
}
