//! TLS: rustls with ring; the system's trust store, or the certificates that the configuration names.

use crate::config::TlsConfig as Wanted;
use crate::error::{Error, Result};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fs;
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// What the files of a configuration hold.
#[derive(Debug, Default)]
pub struct Material {
    /// Certificates to trust instead of the system's.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
    /// The client's certificate chain and its key, which fit.
    pub identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

/// Reads the files; a mistake is found when the client is made, not at the first call.
pub fn read(wanted: &Wanted) -> Result<Material> {
    let mut material = Material::default();
    if let Some(path) = &wanted.ca_file {
        let authorities = certificates("tls.ca_file", path)?;
        // What cannot be read is passed over; then nobody would be trusted, and no word why.
        let ders = authorities.iter().cloned();
        if RootCertStore::empty().add_parsable_certificates(ders).0 == 0 {
            return Err(no_certificates("tls.ca_file", path));
        }
        material.authorities = Some(authorities);
    }
    if let (Some(chain), Some(key)) = (&wanted.client_cert_file, &wanted.client_key_file) {
        let chain = certificates("tls.client_cert_file", chain)?;
        let key = client_key(key, &chain)?;
        material.identity = Some((chain, key));
    }
    Ok(material)
}

/// The same for ureq.
pub(super) fn config(wanted: &Wanted) -> Result<TlsConfig> {
    let material = read(wanted)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut builder = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::PlatformVerifier)
        .disable_verification(wanted.insecure);
    let owned = |ders: &[CertificateDer<'static>]| -> Vec<_> {
        let certificates = ders.iter().map(|der| Certificate::from_der(der));
        certificates.map(|c| c.to_owned()).collect()
    };
    if let Some(authorities) = &material.authorities {
        builder = builder.root_certs(RootCerts::new_with_certs(&owned(authorities)));
    }
    if let (Some((chain, _)), Some(path)) = (&material.identity, &wanted.client_key_file) {
        // ureq has a way to take a key from PEM alone.
        let field = "tls.client_key_file";
        let key = PrivateKey::from_pem(&read_file(field, path)?)
            .map_err(|_| Error::config(field, format!("{field}: expected a private key in PEM")))?;
        builder = builder.client_cert(Some(ClientCert::new_with_certs(&owned(chain), key)));
    }
    Ok(builder.build())
}

/// The client's key, which has to be that of its certificate: ureq would panic at the first call.
fn client_key(path: &str, chain: &[CertificateDer<'static>]) -> Result<PrivateKeyDer<'static>> {
    let field = "tls.client_key_file";
    let wrong = |why: &str| Error::config(field, format!("{field}: {why}"));
    let pem = read_file(field, path)?;
    let key =
        PrivateKeyDer::from_pem_slice(&pem).map_err(|_| wrong("expected a private key in PEM"))?;
    let signer = rustls::crypto::ring::default_provider()
        .key_provider
        .load_private_key(key.clone_key())
        .map_err(|_| wrong("the private key cannot be used"))?;
    match CertifiedKey::new(chain.to_vec(), signer).keys_match() {
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

fn read_file(field: &str, path: &str) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| Error::config(field, format!("{field}: cannot read {path}: {}", e)))
}

fn certificates(field: &str, path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read_file(field, path)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .filter_map(std::result::Result::ok)
        .collect();
    match certificates.is_empty() {
        true => Err(no_certificates(field, path)),
        false => Ok(certificates),
    }
}
