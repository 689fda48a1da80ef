//! TLS to a proxy whose certificate is at hand: that one, and no other. By which name it is reached plays no part.

use crate::trust::Trust;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// Takes the first certificate of a chain in PEM.
pub fn connector(chain: &Path) -> Result<TlsConnector, String> {
    let own = CertificateDer::from_pem_file(chain).map_err(|_| {
        let chain = chain.display();
        format!("--ssl_certfile_path: expected a certificate in PEM, {chain} has none")
    })?;
    let provider = Arc::new(ring::default_provider());
    let verifier = Trust::in_one(own, provider.clone());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("TLS: {e}"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
