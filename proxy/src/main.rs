//! `mishikallm`: OpenAI's HTTP API in front of NVIDIA Triton Inference Server.

mod app;
mod auth;
mod relay;
mod reply;
mod routes;
mod seen;

use std::sync::Arc;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let arg = |name: &str| {
        let at = args.iter().position(|a| a == name)?;
        args.get(at + 1).cloned()
    };
    let text = std::fs::read_to_string(arg("--config").unwrap()).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let object = json.as_object_mut().unwrap();
    let general = object.remove("general_settings").unwrap_or_default();
    let mut config = mishikallm::config::ClientConfig::read(&json.to_string()).unwrap();
    config.only_listed = true;
    let master = general["master_key"]
        .as_str()
        .map(mishikallm::config::Secret::new);
    let settings = app::Settings {
        allow_client_side_credentials: general["allow_client_side_credentials"] == true,
    };
    let app = Arc::new(app::App::new(config, auth::Auth::new(master), settings).unwrap());
    let port: u16 = arg("--port").map_or(4000, |p| p.parse().unwrap());
    let workers = arg("--num_workers").map_or(1, |n| n.parse().unwrap());
    let threads: Vec<_> = (0..workers)
        .map(|_| {
            let app = app.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(serve(app, port));
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

async fn serve(app: Arc<app::App>, port: u16) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(([127, 0, 0, 1], port).into()).unwrap();
    let listener = socket.listen(4096).unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    let worker = Arc::new(app::Worker::new(app));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let worker = worker.clone();
        let service = hyper::service::service_fn(move |request| {
            let answer = routes::answer(worker.clone(), request);
            async move { Ok::<_, std::convert::Infallible>(answer.await) }
        });
        tokio::spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new()
                .max_buf_size(64 << 10)
                .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
                .await;
        });
    }
}
