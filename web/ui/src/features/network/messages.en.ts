import { plurals } from "$lib/i18n/plural";
import type { Network } from "$lib/types";

const n = plurals("en");

export const en = {
  title: "Network",
  reach: {
    unknown: "Finding out…",
    local_only: "Only on your local network",
    outgoing_only: "Nobody can call you yet",
    relayed: "Reachable through a relay",
    mapped: "Reachable at an opened port",
    public: "Reachable from anywhere",
  } as Record<Network["reachability"], string>,
  reachText: {
    unknown: "Your node asks others whether they can reach it.",
    local_only: "Others elsewhere can reach you only while you are connected to them.",
    outgoing_only:
      "Your router keeps calls from outside away. You can call others. As soon as a contact or a shop that relays is connected, they can call you too.",
    relayed:
      "Your router keeps calls from outside away, so others come in through this node. It sees who talks to whom, and never what is said. Where both routers allow it, the connection then becomes direct.",
    mapped: "Your router opened a port for your node (UPnP). Others connect to it directly.",
    public: "Other nodes can connect to yours directly.",
  } as Record<Network["reachability"], string>,
  relays: "Your relays",
  unknownRelay: "Unknown node",
  relaying: "You relay for others",
  relayingText: (size: string, minutes: number) =>
    `Nodes behind a router can be called through yours. One circuit carries at most ${size} and lasts at most ${minutes} minutes.`,
  reservations: "Nodes reachable through yours",
  circuits: "Circuits now",
  ofMost: (count: string, most: string) => `${count} of ${most}`,
  peers: "Connected nodes",
  peersCount: (count: number) => n(count, { one: "# node", other: "# nodes" }),
  noPeers: "No node is connected",
  noPeersText: "Open a friend's link, or connect to an address below.",
  unknownPeer: "Unknown node",
  direction: { in: "incoming", out: "outgoing" },
  since: "connected",
  ms: (value: number) => `${value} ms`,
  score: "Score",
  dial: "Connect to an address",
  dialHint: "Such as /ip4/192.168.1.20/tcp/4001",
  connect: "Connect",
  dialing: "Connecting. The node shows above when it answers.",
  addresses: "Addresses",
  device: "This node",
  listen: "Listening on",
  external: "Seen from outside as",
  traffic: "Traffic since the start",
  bytesIn: "Received",
  bytesOut: "Sent",
  recordsIn: "Records received",
  recordsOut: "Records sent",
  duplicates: "Duplicates",
  rejected: "Rejected",
  outbox: "Outbox",
  outboxEmpty: "Everything has been delivered.",
  outboxQueued: (count: number) =>
    n(count, { one: "# item waits for its recipient", other: "# items wait for their recipients" }),
  outboxOldest: "The oldest:",
  topics: "Topics",
  topicRecords: (count: number) => n(count, { one: "# record", other: "# records" }),
  store: "On disk",
  records: "Records",
  blobs: "Pictures and files",
};

export type Messages = typeof en;
