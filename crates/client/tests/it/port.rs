//! The client against the simulator on a port.

use tokio::task::JoinHandle;

use super::*;

/// A scenario that is served on a port, and a client for it.
struct Served {
    client: Client,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Served {
    async fn start(scenario: &str) -> Self {
        let simulator = Simulator::new(Scenario::from_toml(scenario).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            simulator
                .serve(listener, async { drop(stopped.await) })
                .await
        });
        let mut config = config();
        config.api_url = base.parse().unwrap();
        config.auth_url = format!("{base}/api/v1/oauth/token").parse().unwrap();
        config.retries.first_pause = Duration::from_millis(1);
        let network = Network::new(NetworkConfig::default()).unwrap();
        let client = Client::new(config, Arc::new(network), Jitter::seeded(1)).unwrap();
        Self {
            client,
            stop,
            serving,
        }
    }

    async fn errors(&self) -> u32 {
        8 - self.client.usage().await.unwrap().errors_left.unwrap()
    }

    async fn end(self) {
        drop(self.client);
        drop(self.stop);
        self.serving.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn it_works_over_a_port_too() {
    let scenario = r#"
        [[fault]]
        path = "products/list"
        times = 1
        action = { kind = "reset" }
        [[fault]]
        path = "products/list"
        times = 1
        action = { kind = "cut-body" }
    "#;
    let served = Served::start(scenario).await;
    let page = products(&served.client, 710_112).await.unwrap();
    assert!(page.body.contains("serialNumber"));
    assert_eq!(served.client.usage().await.unwrap().calls, 5);
    // The first connection for data had not answered anything before.
    assert_eq!(served.errors().await, 2);
    served.end().await;
}

#[tokio::test]
async fn kept_connections_that_break_cost_a_call_and_no_error() {
    let scenario = r#"
        [[fault]]
        path = "products/list"
        every = 3
        action = { kind = "reset" }
    "#;
    let served = Served::start(scenario).await;
    for _ in 0..20 {
        products(&served.client, 710_112).await.unwrap();
    }
    // The sign-in, its redirect, and one more call for each connection that broke.
    assert_eq!(served.client.usage().await.unwrap().calls, 2 + 20 + 9);
    assert_eq!(served.errors().await, 0);
    served.end().await;
}
