//! A client's configuration → its places and secrets, and a client where that needs no file.
#![no_main]

use fuzz::errors;
use libfuzzer_sys::fuzz_target;
use mishikallm::config::{ClientConfig, Options, TlsConfig};
use mishikallm::triton::endpoint::{self, Route};
use mishikallm::{Client, Error, Status};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let config = match ClientConfig::read(text) {
        Ok(config) => config,
        Err(error) => {
            check_refusal(&error);
            assert_eq!(ClientConfig::read(text).err(), Some(error));
            return;
        }
    };
    let shown = format!("{config:?}");
    assert_eq!(
        ClientConfig::read(text).map(|c| format!("{c:?}")),
        Ok(shown.clone())
    );
    check_options(&config.defaults, text, &shown);
    for deployment in &config.deployments {
        check_options(&deployment.options, text, &shown);
        let name = endpoint::model_name(&deployment.model);
        let base = deployment.options.api_base.as_deref();
        match name.and_then(|name| Route::new(base, name, &deployment.options.triton)) {
            Ok(_) => {}
            Err(error) => errors::check_final(&error),
        }
    }
    let tls = TlsConfig {
        insecure: config.tls.insecure,
        ..Default::default()
    };
    if config.tls == tls {
        if let Err(error) = Client::new(text) {
            check_refusal(&error);
        }
    }
});

fn check_refusal(error: &Error) {
    assert!(matches!(error.status(), Status::Config | Status::Limit));
    errors::check_final(error);
}

/// No secret is seen where a configuration is printed.
fn check_options(options: &Options, text: &str, shown: &str) {
    let secrets = options.headers.values().chain(&options.api_key);
    for secret in secrets.map(|s| s.reveal()) {
        let is_one = secret.starts_with("sk-") && secret.len() >= 8;
        if is_one && text.matches(secret).count() == 1 {
            assert!(!shown.contains(secret), "a secret is shown");
        }
    }
}
