//! An authority, certificates of it, and servers that show them.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, both PEM.
pub struct Certified {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new([]).expect("no names");
        params
            .distinguished_name
            .push(DnType::CommonName, "Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A file with its certificate.
    pub fn file(&self) -> String {
        file("authority.pem", &self.pem())
    }

    /// A server's certificate for localhost and the loopback addresses.
    pub fn local(&self) -> Certified {
        self.server(&["localhost", "127.0.0.1", "::1"])
    }

    /// A server's certificate for these names.
    pub fn server(&self, names: &[&str]) -> Certified {
        self.sign(names, ExtendedKeyUsagePurpose::ServerAuth, 2099)
    }

    /// A server's certificate that was good once.
    pub fn expired(&self) -> Certified {
        self.sign(&["127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth, 2020)
    }

    /// A client's certificate.
    pub fn client(&self) -> Certified {
        self.sign(&["client"], ExtendedKeyUsagePurpose::ClientAuth, 2099)
    }

    fn sign(&self, names: &[&str], usage: ExtendedKeyUsagePurpose, until: i32) -> Certified {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.extended_key_usages = vec![usage];
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Certified {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Certified {
    /// A server that shows this certificate.
    pub fn serves(&self) -> Arc<ServerConfig> {
        self.config(rustls::ALL_VERSIONS, None)
    }

    /// The same with this version of TLS alone.
    pub fn serves_with(&self, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        self.config(&[version], None)
    }

    /// A server that also wants to see a certificate of `authority`.
    pub fn serves_clients_of(
        &self,
        authority: &Authority,
        version: &'static SupportedProtocolVersion,
    ) -> Arc<ServerConfig> {
        self.config(&[version], Some(authority))
    }

    fn config(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        clients: Option<&Authority>,
    ) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .expect("TLS 1.2 and 1.3");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.0.der().clone()).expect("a root");
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .expect("a verifier");
                builder.with_client_cert_verifier(verifier)
            }
        };
        let chain = CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("PEM");
        Arc::new(builder.with_single_cert(vec![chain], key).expect("a pair"))
    }

    /// Files with the certificate and the key.
    pub fn files(&self) -> (String, String) {
        (
            file("certificate.pem", &self.certificate),
            file("key.pem", &self.key),
        )
    }
}

/// A new file that holds `text`, as long as the test runs.
pub fn file(name: &str, text: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("mishikallm-{}-{number}-{name}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, text).expect("a file");
    let text = path.to_str().expect("a path in UTF-8").to_owned();
    FILES.with_borrow_mut(|files| files.0.push(path));
    text
}

/// Files that go with the thread that made them: each test has its own.
struct Files(Vec<PathBuf>);

thread_local! {
    static FILES: RefCell<Files> = const { RefCell::new(Files(Vec::new())) };
}

impl Drop for Files {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}
