//! The C programs of `c/`: each checks one side of the ABI, and runs plain, under the sanitizers, and under valgrind.
//! A program says on stderr which check failed.

use crate::server::{Refused, Server};
use crate::toolchain::{STRICT, cc, installed, made, run, source, succeed, tool};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Plain,
    /// AddressSanitizer, its leak detector, and UndefinedBehaviorSanitizer. They see the library's memory too: Rust's
    /// allocator is the C library's malloc.
    Sanitized,
    Valgrind,
    /// ThreadSanitizer, see `raced`.
    Raced,
}

impl Way {
    /// Builds a program; the command runs it.
    fn build(self, name: &str) -> Command {
        let binary = made(&format!("{name}_{self:?}"));
        let mut compiler = cc();
        // C11 for its atomics; the header itself is C99.
        compiler
            .args(STRICT)
            .args(["-std=c11", "-g", "-O1", "-pthread"]);
        compiler.arg(source(&format!("{name}.c")));
        if self == Way::Raced {
            let object = made(&format!("{name}.o"));
            compiler
                .args(["-fsanitize=thread", "-c", "-o"])
                .arg(&object);
            succeed(&mut compiler);
            return crate::raced::link(&object, &binary);
        }
        if self == Way::Sanitized {
            compiler.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
        }
        compiler.arg("-L").arg(installed()).arg("-lmishikallm");
        succeed(compiler.arg("-o").arg(&binary));

        let mut command = match self {
            Way::Valgrind => tool("valgrind"),
            _ => Command::new(&binary),
        };
        if self == Way::Valgrind {
            command.args(["--quiet", "--leak-check=full", "--error-exitcode=9"]);
            // Not "possible": Rust's hash maps are held by a pointer into their middle, and the default client has some
            // to the end of the process.
            command.args([
                "--show-leak-kinds=definite",
                "--errors-for-leak-kinds=definite",
            ]);
            // Valgrind runs one thread at a time; without turns, one that waits in a lock may starve the others.
            command
                .args(["--fair-sched=try", "--num-callers=30"])
                .arg(&binary);
        }
        command
            .env("LD_LIBRARY_PATH", installed())
            .env("ASAN_OPTIONS", "detect_leaks=1:exitcode=9")
            .env("UBSAN_OPTIONS", "print_stacktrace=1");
        command
    }

    /// How often a program does a thing: valgrind is fifty times as slow.
    fn of(self, often: &'static str, under_valgrind: &'static str) -> &'static str {
        match self {
            Way::Valgrind => under_valgrind,
            _ => often,
        }
    }

    /// Runs a program that has to succeed in silence.
    fn check(self, name: &str, arguments: &[&str]) {
        // One at a time: many at once, and slow as valgrind makes them, would run into the library's own time-outs.
        static RUNNING: Mutex<()> = Mutex::new(());
        let mut command = self.build(name);
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let output = run(command.args(arguments));
        drop(running);
        let said = words(&output);
        assert!(output.status.success(), "{name}: {}\n{said}", output.status);
        assert!(said.is_empty(), "{name} said\n{said}");
    }

    /// Runs a program with a defect; the way has to find it, and to say so.
    fn finds(self, defect: &str, name: &str, arguments: &[&str]) {
        let output = run(self.build(name).args(arguments));
        let said = words(&output);
        assert_ne!(
            output.status.code(),
            Some(0),
            "{self:?} let {name} pass\n{said}"
        );
        assert!(said.contains(defect), "{self:?} says of {name}: {said}");
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A program's tests: one for each way, with what the program is told.
macro_rules! three_ways {
    ($program:ident: $check:expr) => {
        mod $program {
            use super::*;

            #[test]
            fn plain() {
                ($check)(Way::Plain);
            }

            #[test]
            fn sanitized() {
                ($check)(Way::Sanitized);
            }

            #[test]
            fn valgrind() {
                ($check)(Way::Valgrind);
            }
        }
    };
}

three_ways!(api: |way: Way| way.check("api", &[]));

// The program's good requests would be refused a connection: an answer other than ARGUMENT shows what got through.
three_ways!(bad_input: |way: Way| way.check("bad_input", &[&Refused::new().url]));

three_ways!(calls: |way: Way| way.check("calls", &[&Server::start().url, &Refused::new().url]));

three_ways!(log: |way: Way| way.check("log", &[&Server::start().url]));

three_ways!(streams: |way: Way| way.check("streams", &[&Server::start().url, &Refused::new().url]));
three_ways!(whole: |way: Way| way.check("whole", &[&Server::start().url]));

three_ways!(submit: |way: Way| way.check("submit", &[&Server::start().url]));

three_ways!(many: |way: Way| way.check("many", &[&Server::start().url, way.of("1000", "60")]));

three_ways!(races: |way: Way| way.check("races", &[&Server::start().url, way.of("100", "10")]));

three_ways!(fork: |way: Way| {
    let (forks, exit) = match way {
        Way::Plain => ("50", "exit"),
        // Not while other threads allocate: gcc's AddressSanitizer has locks that a child may find held for ever.
        Way::Sanitized | Way::Raced => ("0", "exit"),
        Way::Valgrind => ("4", "exec"),
    };
    way.check("fork", &[&Server::start().url, forks, exit]);
});

mod threads {
    use super::*;

    /// `threads` × `calls` on one client, and then on the NULL client, at this path of two servers.
    fn check(way: Way, path: &str, threads: usize, calls: usize) {
        let servers = [Server::start(), Server::start()];
        let [one, null] = servers.each_ref().map(|s| format!("{}{path}", s.url));
        let numbers = [threads.to_string(), calls.to_string()];
        way.check("threads", &[&one, &null, &numbers[0], &numbers[1]]);
        for server in servers {
            let opened = server.accepted();
            assert!(
                (1..=threads).contains(&opened),
                "{opened} connections for {threads} threads"
            );
        }
    }

    #[test]
    fn plain() {
        check(Way::Plain, "", 64, 200);
    }

    #[test]
    fn sanitized() {
        check(Way::Sanitized, "", 64, 200);
    }

    /// Fewer, and of an endpoint that needs no look-up: valgrind runs one thread at a time, fifty times as slow.
    #[test]
    fn valgrind() {
        check(Way::Valgrind, "/echo/generate", 16, 10);
    }
}

/// Programs of many threads, for races in the library and between it and the program.
mod raced {
    use super::*;

    #[test]
    #[ignore = "builds the library a second time"]
    fn there_are_none() {
        let server = Server::start();
        Way::Raced.check("many", &[&server.url, "1000"]);
        Way::Raced.check("races", &[&server.url, "100"]);
        Way::Raced.check("submit", &[&server.url]);
        Way::Raced.check("log", &[&server.url]);
    }

    #[test]
    #[ignore = "builds the library a second time"]
    fn one_would_be_found() {
        Way::Raced.finds("data race", "broken_race", &[&Server::start().url]);
    }
}

/// The checks above are worth what these find.
mod broken {
    use super::*;

    #[test]
    fn the_sanitizers_find_what_is_wrong() {
        Way::Sanitized.finds("heap-use-after-free", "broken_use_after_free", &[]);
        Way::Sanitized.finds("detected memory leaks", "broken_leak", &[]);
        Way::Sanitized.finds("signed integer overflow", "broken_overflow", &[]);
    }

    #[test]
    fn valgrind_finds_what_is_wrong() {
        Way::Valgrind.finds("Invalid read", "broken_use_after_free", &[]);
        Way::Valgrind.finds("definitely lost", "broken_leak", &[]);
    }

    #[test]
    fn a_failed_check_fails_the_program() {
        Way::Plain.finds("broken_check.c:", "broken_check", &[]);
    }
}
