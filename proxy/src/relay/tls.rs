//! TLS to servers: rustls with ring; the system's trust store, or what the configuration names. As the blocking client has it.

use crate::trust::Trust;
use mishikallm::client::tls::{self, Material};
use mishikallm::config::TlsConfig;
use mishikallm::{Error, Result};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use std::sync::Arc;

/// Reads the files that are named.
pub fn config(wanted: &TlsConfig) -> Result<ClientConfig> {
    let Material {
        authorities,
        identity,
    } = tls::read(wanted)?;
    let provider = Arc::new(ring::default_provider());
    let wrong = |e: rustls::Error| Error::config("tls", format!("tls: {e}"));
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let builder = match authorities {
        _ if wanted.insecure => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trust::in_any(provider))),
        Some(authorities) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(authorities);
            builder.with_root_certificates(roots)
        }
        None => builder.with_platform_verifier().map_err(wrong)?,
    };
    match identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(wrong),
        None => Ok(builder.with_no_client_auth()),
    }
}
