//! `mishikallm --health` and `mishikallm --test`, beside a proxy that runs.

use super::*;
use std::process::Output;

const KEY: &str = "sk-a-key-of-some-length";

/// Answers chats, and ends a stream in the middle where the model is called so.
fn upstream() -> Upstream {
    Upstream::new(|mut peer| {
        while let Some((path, _)) = peer.request() {
            match path.rsplit_once('/').unwrap() {
                (_, "generate") => peer.reply(200, &json!({"text_output": "whole words"})),
                (_, "generate_stream") => {
                    peer.open_stream();
                    peer.token("streamed ");
                    peer.token("words");
                    if path.starts_with("/cut") {
                        return;
                    }
                    peer.end_stream();
                }
                _ => peer.reply(404, &json!({"error": "no"})),
            }
        }
    })
}

/// Runs the command beside a proxy; nothing but these arguments and this environment reaches it.
fn run(proxy: &Proxy, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let port = proxy.host.rsplit_once(':').unwrap().1;
    let mut command = running::command();
    command.args(arguments).args(["--port", port]);
    command.envs(environment.iter().copied());
    command.output().expect("the command runs")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn with(path: &str, upstream: &Upstream) -> Proxy {
    let mut embed = entry("embed", "triton/e", &upstream.at("/x/infer"));
    embed["model_info"] = json!({"mode": "embedding"});
    let list = json!([embed, entry("llm", "triton/llm", &upstream.at(path))]);
    proxy(
        list,
        json!({"general_settings": {"master_key": KEY}, "router_settings": {"num_retries": 0}}),
    )
}

#[test]
fn health_is_printed_and_the_exit_code_says_it_too() {
    let upstream = upstream();
    let proxy = with("/x/generate", &upstream);
    let environment = [("MISHIKALLM_MASTER_KEY", KEY)];
    // The model for vectors gives none.
    let output = run(&proxy, &["--health"], &environment);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        err(&output),
        "mishikallm: 1 of 2 deployments are not healthy\n"
    );
    let report: Value = serde_json::from_str(&out(&output)).expect("JSON alone");
    assert_eq!(keys(&report["healthy_endpoints"], "model_name"), ["llm"]);

    let list = |base: &str| json!([entry("m", "triton/m", base)]);
    let none = super::proxy(list("http://127.0.0.1:1/x/generate"), json!({}));
    let output = run(&none, &["--health", "--host", "0.0.0.0"], &[]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_str(&out(&output)).expect("JSON alone");
    assert_eq!(report["unhealthy_count"], 1);

    let all = super::proxy(list(&upstream.at("/x/generate")), json!({}));
    let output = run(&all, &["--health"], &[]);
    assert!(output.status.success(), "{}", err(&output));
    let report: Value = serde_json::from_str(&out(&output)).expect("JSON alone");
    assert_eq!(
        (&report["healthy_count"], err(&output)),
        (&json!(1), String::new())
    );
}

#[test]
fn a_question_is_answered_whole_and_as_a_stream() {
    let upstream = upstream();
    let proxy = with("/x/generate", &upstream);
    let output = run(&proxy, &["--test"], &[("MISHIKALLM_MASTER_KEY", KEY)]);
    let text = out(&output);
    assert!(output.status.success(), "{}", err(&output));
    assert!(text.contains("model \"llm\" is asked"), "{text}");
    assert!(
        text.contains("whole words") && text.contains("\nstreamed words\n"),
        "{text}"
    );
    assert!(!text.contains(KEY));
}

#[test]
fn the_key_is_the_configurations_where_one_is_named() {
    let upstream = upstream();
    let proxy = with("/x/generate", &upstream);
    let path = std::env::temp_dir().join(format!("about-{}.yaml", std::process::id()));
    let list = json!([entry("llm", "triton/llm", "http://h/x/generate")]);
    let config = json!({"model_list": list, "general_settings": {"master_key": KEY}});
    std::fs::write(&path, config.to_string()).unwrap();
    let output = run(&proxy, &["--test", "--config", path.to_str().unwrap()], &[]);
    std::fs::remove_file(&path).unwrap();
    assert!(output.status.success(), "{}", err(&output));
}

#[test]
fn what_fails_is_said_plainly() {
    let upstream = upstream();
    let proxy = with("/cut/generate", &upstream);
    for (arguments, key, expected) in [
        (
            ["--health"],
            "sk-wrong",
            "HTTP 401: the key is not valid; the key is taken from",
        ),
        (["--test"], "sk-wrong", "HTTP 401"),
        (
            ["--test"],
            KEY,
            "the stream failed: the model's server closed the connection",
        ),
    ] {
        let output = run(&proxy, &arguments, &[("MISHIKALLM_MASTER_KEY", key)]);
        assert_eq!(output.status.code(), Some(1));
        let said = err(&output);
        assert!(
            said.starts_with("mishikallm: ") && said.contains(expected),
            "{said}"
        );
        assert!(!said.contains(key), "{said}");
    }
    let mut command = running::command();
    let port = running::free_port().to_string();
    let output = command
        .args(["--health", "--port", &port])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("is it running there? --host and --port"),
        "{}",
        err(&output)
    );
    // What listens there is something else.
    let other = Upstream::new(|mut peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    });
    let port = other.port.to_string();
    let output = running::command()
        .args(["--test", "--port", &port])
        .output()
        .unwrap();
    assert!(
        err(&output).contains("is it this proxy"),
        "{}",
        err(&output)
    );
}

#[test]
fn a_proxy_with_a_certificate_is_asked_for_that_one() {
    let files = |name: &str| {
        let made = rcgen::generate_simple_self_signed(vec!["proxy.example".to_owned()]).unwrap();
        let base = std::env::temp_dir().join(format!("about-{}-{name}", std::process::id()));
        let (chain, key) = (base.with_extension("crt"), base.with_extension("key"));
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let option =
            |flag: &str, path: std::path::PathBuf| [flag.to_owned(), path.display().to_string()];
        [
            option("--ssl_certfile_path", chain),
            option("--ssl_keyfile_path", key),
        ]
        .concat()
    };
    let (own, other) = (files("own"), files("other"));
    let upstream = upstream();
    let list = json!([entry("llm", "triton/llm", &upstream.at("/x/generate"))]);
    let config = json!({"model_list": list}).to_string();
    let proxy = Proxy::start(Some(&config), &own, &[]).unwrap();
    let ask = |more: &[String]| {
        let mut arguments = vec!["--health"];
        arguments.extend(more.iter().map(String::as_str));
        run(&proxy, &arguments, &[])
    };
    let output = ask(&own);
    assert!(output.status.success(), "{}", err(&output));
    let output = ask(&other);
    assert!(
        err(&output).contains("no secure connection"),
        "{}",
        err(&output)
    );
    let output = ask(&[]);
    assert!(
        err(&output).contains("--ssl_certfile_path"),
        "{}",
        err(&output)
    );
}
