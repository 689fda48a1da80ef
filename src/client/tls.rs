//! TLS: rustls with ring; the system's trust store, or the certificates that the configuration names.

use crate::config::TlsConfig as Wanted;
use crate::error::{Error, Result};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fs;
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// Reads the files; a mistake is found when the client is made, not at the first call.
pub fn config(wanted: &Wanted) -> Result<TlsConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut builder = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider.clone())
        .root_certs(RootCerts::PlatformVerifier)
        .disable_verification(wanted.insecure);
    if let Some(path) = &wanted.ca_file {
        let authorities = certificates("tls.ca_file", path)?;
        let ders = authorities
            .iter()
            .map(|c| CertificateDer::from(c.der().to_vec()));
        // ureq passes over what it cannot read; then nobody would be trusted, and no word why.
        if RootCertStore::empty().add_parsable_certificates(ders).0 == 0 {
            return Err(no_certificates("tls.ca_file", path));
        }
        builder = builder.root_certs(RootCerts::new_with_certs(&authorities));
    }
    if let (Some(chain), Some(key)) = (&wanted.client_cert_file, &wanted.client_key_file) {
        let chain = certificates("tls.client_cert_file", chain)?;
        let key = client_key(key, &chain, &provider)?;
        builder = builder.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(builder.build())
}

/// The client's key, which has to be that of its certificate: ureq would panic at the first call.
fn client_key(
    path: &str,
    chain: &[Certificate<'static>],
    provider: &CryptoProvider,
) -> Result<PrivateKey<'static>> {
    let field = "tls.client_key_file";
    let wrong = |why: &str| Error::config(field, format!("{field}: {why}"));
    let pem = read(field, path)?;
    let no_key = || wrong("expected a private key in PEM");
    let key = PrivateKey::from_pem(&pem).map_err(|_| no_key())?;
    let der = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| no_key())?;
    let signer = provider
        .key_provider
        .load_private_key(der)
        .map_err(|_| wrong("the private key cannot be used"))?;
    let chain = chain
        .iter()
        .map(|c| CertificateDer::from(c.der().to_vec()))
        .collect();
    match CertifiedKey::new(chain, signer).keys_match() {
        // A kind of key that does not tell its public half is taken at its word.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(key),
        Err(_) => Err(wrong(
            "the private key is not that of the certificate in tls.client_cert_file",
        )),
    }
}

fn no_certificates(field: &str, path: &str) -> Error {
    Error::config(
        field,
        format!("{field}: expected certificates in PEM in {path}, found none that can be used"),
    )
}

fn read(field: &str, path: &str) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| Error::config(field, format!("{field}: cannot read {path}: {}", e)))
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
        return Err(no_certificates(field, path));
    }
    Ok(certificates)
}
