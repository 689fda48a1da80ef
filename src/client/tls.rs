//! TLS: rustls with ring; the system's trust store, or the certificates that the configuration names.

use crate::config::TlsConfig as Wanted;
use crate::error::{Error, Result};
use std::fs;
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// Reads the files; a mistake is found when the client is made, not at the first call.
pub fn config(wanted: &Wanted) -> Result<TlsConfig> {
    let mut builder = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::PlatformVerifier)
        .disable_verification(wanted.insecure);
    if let Some(path) = &wanted.ca_file {
        builder = builder.root_certs(RootCerts::new_with_certs(&certificates(
            "tls.ca_file",
            path,
        )?));
    }
    if let (Some(chain), Some(key)) = (&wanted.client_cert_file, &wanted.client_key_file) {
        let chain = certificates("tls.client_cert_file", chain)?;
        let key = PrivateKey::from_pem(&read("tls.client_key_file", key)?).map_err(|_| {
            Error::config(
                "tls.client_key_file",
                "tls.client_key_file: expected a private key in PEM",
            )
        })?;
        builder = builder.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(builder.build())
}

fn read(field: &str, path: &str) -> Result<Vec<u8>> {
    fs::read(path)
        .map_err(|e| Error::config(field, format!("{field}: cannot read {path}: {}", e.kind())))
}

fn certificates(field: &str, path: &str) -> Result<Vec<Certificate<'static>>> {
    let pem = read(field, path)?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(c)) => Some(c),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(Error::config(
            field,
            format!("{field}: expected certificates in PEM in {path}, found none"),
        ));
    }
    Ok(certificates)
}
