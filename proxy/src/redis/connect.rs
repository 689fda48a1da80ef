//! Making the connection: TCP or a socket's file, and TLS with what the system trusts.

use super::address::{Address, Place};
use super::words;
use crate::relay::tls;
use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, RedisConnectionInfo};
use mishikallm::config::TlsConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// What moves its bytes, as long as it is polled; its end is the connection's.
pub(super) type Driver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Errors: why there is none, without any secret.
pub(super) async fn connect(address: &Address) -> Result<(MultiplexedConnection, Driver), String> {
    let told = |why: io::Error| why.to_string();
    let who = address.who();
    match &address.place {
        Place::Socket(path) => greet(&who, UnixStream::connect(path).await.map_err(told)?).await,
        Place::Host(host, port) => {
            let stream = TcpStream::connect((&**host, *port)).await.map_err(told)?;
            stream.set_nodelay(true).map_err(told)?;
            match &address.tls {
                None => greet(&who, stream).await,
                Some(wanted) => greet(&who, secured(host, stream, wanted).await?).await,
            }
        }
    }
}

async fn secured(
    host: &str,
    stream: TcpStream,
    wanted: &TlsConfig,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static, String> {
    let config = tls::config(wanted).map_err(|why| why.message().to_owned())?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| "its host has a name that no certificate has".to_owned())?;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await;
    stream.map_err(|why| why.to_string())
}

async fn greet<S>(
    who: &RedisConnectionInfo,
    stream: S,
) -> Result<(MultiplexedConnection, Driver), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // What a command may take is measured where it is asked.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let made = MultiplexedConnection::new_with_config(who, stream, config).await;
    let (connection, driver) = made.map_err(|why| words(&why))?;
    Ok((connection, Box::pin(driver)))
}
