//! A network between a client and a server that can be cut.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Passes bytes on between a port of its own and another port of this machine, until it is cut.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    /// Both ends of every connection; nothing once they were cut.
    streams: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Proxy {
    /// A way to the port `server`.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(server: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let streams = Arc::new(Mutex::new(Some(Vec::new())));
        let known = Arc::clone(&streams);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A client without a server sees a connection that is closed at once.
                let Ok(behind) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(streams) = known.as_mut() else { return };
                for (from, to) in [(&client, &behind), (&behind, &client)] {
                    let (Ok(from), Ok(to), Ok(kept)) = (from.try_clone(), to.try_clone(), from.try_clone()) else {
                        return;
                    };
                    streams.push(kept);
                    thread::spawn(move || pass_on(from, to));
                }
            }
        });
        Ok(Self { port, streams })
    }

    /// Its own port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection, and takes no further one.
    pub fn cut(&self) {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner).take();
        for stream in streams.into_iter().flatten() {
            _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let bytes = buffer.get(..length).unwrap_or_default();
        if to.write_all(bytes).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_until_it_is_cut() {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let proxy = Proxy::start(server.local_addr().expect("an address").port()).expect("a proxy");
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).expect("a connection");
        let (mut behind, _) = server.accept().expect("a client");
        let mut bytes = [0; 4];
        client.write_all(b"ping").expect("a question");
        behind.read_exact(&mut bytes).expect("the question");
        behind.write_all(b"pong").expect("an answer");
        client.read_exact(&mut bytes).expect("the answer");
        assert_eq!(&bytes, b"pong");
        proxy.cut();
        assert_eq!(client.read(&mut bytes).expect("an end"), 0);
        assert_eq!(behind.read(&mut bytes).expect("an end"), 0);
    }
}
