//! Loading and unloading, on a server of its own that loads nothing by itself.

use super::invoke_on;
use base64::Engine;
use mishikallm::Client;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A server that runs until it is dropped, or until this process ends, however it ends.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Server {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/triton/triton");
        // It runs as long as its command, which ends with its input.
        let mut child = Command::new(script)
            .args(["run", "--explicit", "--", "sh", "-c", "echo $TRITON; cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        assert!(url.starts_with("http"), "the server did not start");
        Server { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

#[test]
fn models_come_and_go() {
    let server = Server::start();
    let client = Client::new(&json!({"api_base": server.url}).to_string()).unwrap();
    let ask = |operation: &str, request: Value| invoke_on(&client, operation, request);
    let model = json!({"model": "triton/identity_batched"});
    let ids = |list: Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap().clone();
        data.iter()
            .map(|m| m["id"].as_str().unwrap().to_owned())
            .collect()
    };

    // Nothing is loaded, but all is there.
    assert_eq!(ids(ask("models", json!({})).unwrap()), [""; 0]);
    let all = ask("models", json!({"all": true})).unwrap();
    let entry = |all: &Value| -> Value {
        let data = all["data"].as_array().unwrap();
        data.iter()
            .find(|m| m["id"] == "triton/identity_batched")
            .unwrap()
            .clone()
    };
    assert_eq!(
        (&entry(&all)["ready"], &entry(&all)["states"]),
        (&json!(false), &json!([]))
    );
    let row = json!({"model": "triton/identity_batched", "inputs": {"in_x": [[1, 2, 3], [4, 5, 6]]}, "nested": true});
    let e = ask("infer", row.clone()).unwrap_err();
    assert!(
        e["message"]
            .as_str()
            .unwrap()
            .contains("cannot be looked up"),
        "{e}"
    );

    let answer = ask("model.load", model.clone()).unwrap();
    assert_eq!(
        answer,
        json!({"model_name": "identity_batched", "loaded": true})
    );
    assert_eq!(
        ids(ask("models", json!({})).unwrap()),
        ["triton/identity_batched"]
    );
    let shape = |answer: Value| answer["outputs"][0]["shape"].clone();
    assert_eq!(shape(ask("infer", row.clone()).unwrap()), json!([1, 2, 3]));

    // Another configuration: what was known of the model is known no more, at once and each time.
    let mut config = ask("model.config", model.clone()).unwrap();
    for (dims, x) in [
        (json!([2]), json!([1, 2])),
        (json!([3]), json!([1, 2, 3])),
        (json!([4]), json!([1, 2, 3, 4])),
    ] {
        config["input"][0]["dims"] = dims.clone();
        config["output"][0]["dims"] = dims;
        let mut load = model.clone();
        load["parameters"] = json!({"config": config});
        ask("model.load", load).unwrap();
        let request = json!({"model": "triton/identity_batched", "inputs": {"in_x": x}});
        let length = x.as_array().unwrap().len();
        assert_eq!(shape(ask("infer", request).unwrap()), json!([1, length]));
    }

    // A model that is nowhere but in the request.
    let code = "import identity\n\n\nclass TritonPythonModel(identity.Identity):\n    pass\n";
    let made_up = json!({"model": "triton/made_up", "parameters": {
        "config": {"backend": "python", "max_batch_size": 0,
            "input": [{"name": "in_a", "data_type": "TYPE_INT8", "dims": [1]}],
            "output": [{"name": "out_a", "data_type": "TYPE_INT8", "dims": [1]}]},
        "file:1/model.py": base64::engine::general_purpose::STANDARD.encode(code),
    }});
    ask("model.load", made_up).unwrap();
    let answer = ask(
        "infer",
        json!({"model": "triton/made_up", "inputs": {"in_a": 7}}),
    )
    .unwrap();
    assert_eq!(answer["outputs"][0]["data"], json!([7]));

    let mut unload = model.clone();
    unload["unload_dependents"] = json!(true);
    let answer = ask("model.unload", unload).unwrap();
    assert_eq!(
        answer,
        json!({"model_name": "identity_batched", "loaded": false})
    );
    let e = ask("infer", row).unwrap_err();
    assert!(
        e["message"].as_str().unwrap().contains("identity_batched") || e["param"] == "inputs.in_x",
        "{e}"
    );

    // What cannot be loaded says why, then and later.
    let e = ask("model.load", json!({"model": "triton/no_such_model"})).unwrap_err();
    assert!(
        e["message"]
            .as_str()
            .unwrap()
            .contains("failed to load 'no_such_model'"),
        "{e}"
    );
    let broken =
        json!({"model": "triton/identity_all", "parameters": {"config": "{\"backend\":\"none\"}"}});
    let e = ask("model.load", broken).unwrap_err();
    assert!(
        e["message"].as_str().unwrap().contains("identity_all"),
        "{e}"
    );
    // The server tells of an unload before the last of it is gone.
    let gone = (0..500).find_map(|_| {
        let entry = entry(&ask("models", json!({"all": true})).unwrap());
        assert_eq!(entry["ready"], false);
        if entry["states"][0]["state"] == "UNAVAILABLE" {
            return Some(entry);
        }
        thread::sleep(Duration::from_millis(20));
        None
    });
    assert_eq!(gone.expect("it stays")["states"][0]["reason"], "unloaded");
}
