//! The API for commands that work with or without a running node: the node that runs on the data directory, or one that
//! is started for the length of the command. So there is one way to do each thing.

use hutong_node::handle::{Node, NodeConfig};
use hutong_web::{Server, WebConfig};

use super::run;
use crate::{api::Api, config::Settings, failure::Failure, running};

/// An API to work with.
pub(super) struct Backend {
    api: Api,
    own: Option<(Node, Server)>,
}

impl Backend {
    /// Finds the running node, or starts one that hears no peers.
    ///
    /// # Errors
    /// If another process that is no node has the directory, or it cannot be used.
    pub(super) async fn open(settings: &Settings) -> Result<Self, Failure> {
        if let Some(api) = running::find(&settings.data_dir).await? {
            return Ok(Self { api, own: None });
        }
        let config = NodeConfig { listen: Vec::new(), ..NodeConfig::loopback(&settings.data_dir) };
        let node = run::start(config).await?;
        let listen = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
        let web = WebConfig { listen, play: false };
        let server = hutong_web::serve(node.clone(), web).await?;
        let token_path = server.api_token_path();
        let token = std::fs::read_to_string(&token_path).map_err(Failure::io("read", &token_path))?;
        let api = Api::new(server.addr(), token.trim())?;
        Ok(Self { api, own: Some((node, server)) })
    }

    pub(super) const fn api(&self) -> &Api {
        &self.api
    }

    /// Stops what was started.
    pub(super) async fn close(self) {
        if let Some((node, server)) = self.own {
            server.stop().await;
            node.shutdown().await;
        }
    }
}
