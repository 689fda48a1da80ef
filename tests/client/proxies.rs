//! A CONNECT proxy and a SOCKS5 proxy, which reach one server whatever they are asked for.

use crate::http::Request;
use crate::server::{Peer, Server};
use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;

/// An HTTP proxy; its requests are the CONNECTs.
pub fn connect(to: SocketAddr) -> Server {
    Server::connections(move |mut peer, number| {
        let Some(mut request) = Request::read_head(peer.reader())? else {
            return Ok(());
        };
        request.connection = number;
        peer.record(request);
        peer.raw("HTTP/1.1 200 Connection established\r\n\r\n")?;
        relay(&mut peer, to)
    })
}

/// An HTTP proxy that lets nobody through.
pub fn refusing(status: u16) -> Server {
    Server::connections(move |mut peer, _| {
        let Some(request) = Request::read_head(peer.reader())? else {
            return Ok(());
        };
        let repeated = request.head.clone();
        peer.record(request);
        let status_line = &[("proxy-authenticate", "Basic realm=\"r\"")];
        peer.reply_with(status, status_line, repeated)?;
        peer.hang_up()
    })
}

/// What a SOCKS5 proxy does with those who ask.
#[derive(Clone, Copy)]
pub enum Socks {
    Open,
    /// Only with this name and password.
    Only(&'static str, &'static str),
    /// Refuses with this code of RFC 1928.
    Refuses(u8),
}

/// A SOCKS5 proxy; its requests have `host:port`, as it was asked for, as their path.
pub fn socks(rule: Socks, to: SocketAddr) -> Server {
    Server::connections(move |mut peer, number| {
        let [_, methods] = bytes(&mut peer)?;
        let mut offered = vec![0; methods.into()];
        peer.reader().read_exact(&mut offered)?;
        match rule {
            Socks::Only(name, password) if offered.contains(&2) => {
                peer.raw([5, 2])?;
                let [_] = bytes(&mut peer)?;
                let given = (text(&mut peer)?, text(&mut peer)?);
                let good = given == (name.to_owned(), password.to_owned());
                peer.raw([1, u8::from(!good)])?;
                if !good {
                    return Ok(());
                }
            }
            Socks::Only(..) => return peer.raw([5, 0xff]),
            _ => peer.raw([5, 0])?,
        }
        let [_, _, _, kind] = bytes(&mut peer)?;
        let host = match kind {
            1 => std::net::Ipv4Addr::from(bytes::<4>(&mut peer)?).to_string(),
            3 => text(&mut peer)?,
            _ => return Err(ErrorKind::Unsupported.into()),
        };
        let port = u16::from_be_bytes(bytes(&mut peer)?);
        peer.record(Request {
            method: "SOCKS".to_owned(),
            path: format!("{host}:{port}"),
            connection: number,
            ..Request::default()
        });
        let code = match rule {
            Socks::Refuses(code) => code,
            _ => 0,
        };
        peer.raw([5, code, 0, 1, 0, 0, 0, 0, 0, 0])?;
        match code {
            0 => relay(&mut peer, to),
            _ => Ok(()),
        }
    })
}

fn bytes<const N: usize>(peer: &mut Peer) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    peer.reader().read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A text with its length before it.
fn text(peer: &mut Peer) -> io::Result<String> {
    let [length] = bytes(peer)?;
    let mut text = vec![0; length.into()];
    peer.reader().read_exact(&mut text)?;
    String::from_utf8(text).map_err(io::Error::other)
}

/// Carries bytes in both directions until either side ends.
fn relay(peer: &mut Peer, to: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(to)?;
    peer.stage().keep(&server);
    let (mut from_server, mut to_client) = (server.try_clone()?, peer.socket().try_clone()?);
    let back = thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let _ = io::copy(peer.reader(), &mut &server);
    let _ = server.shutdown(Shutdown::Both);
    let _ = back.join();
    Ok(())
}
