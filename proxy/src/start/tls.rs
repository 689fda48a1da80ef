//! The server's own certificate.

use crate::cli::Cli;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// What shakes hands with clients; `None`: the proxy speaks plain HTTP.
pub(super) fn acceptor(cli: &Cli) -> Result<Option<TlsAcceptor>, String> {
    let (Some(chain), Some(key)) = (&cli.ssl_certfile_path, &cli.ssl_keyfile_path) else {
        return Ok(None);
    };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|e| wrong("--ssl_certfile_path", chain, "certificates", &e))?;
    if certificates.is_empty() {
        let chain = chain.display();
        return Err(format!(
            "--ssl_certfile_path: expected certificates in PEM, {chain} has none"
        ));
    }
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|e| wrong("--ssl_keyfile_path", key, "a private key", &e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("TLS: {e}"))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|e| format!("--ssl_certfile_path, --ssl_keyfile_path: the two do not fit: {e}"))?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn wrong(option: &str, file: &Path, expected: &str, e: &rustls::pki_types::pem::Error) -> String {
    let file = file.display();
    match e {
        rustls::pki_types::pem::Error::Io(e) => {
            format!("{option}: {file} cannot be read: {}", e.kind())
        }
        _ => format!("{option}: expected {expected} in PEM, {file} has none"),
    }
}
