/** The JSON that the node speaks: every API type the UI uses is exported here and nowhere else. */
// Base path /api. All bodies JSON unless said. Ids are 52-char base32 strings. Times are ms since 1970 (number).
// Every error: { code: string, message: string (plain sentence that says what to do), field?: string } with a fitting HTTP status.
export type Id = string;
export type Ms = number;
export type BlobHash = string;
export interface Problem {
  code: string;
  message: string;
  field?: string | null;
}
export interface Money {
  minor: number;
  currency: string;
  exponent: number;
} // CNY exponent 2, JPY 0
// ---- session / account
// POST /api/session {token} -> 204 + cookie   GET /api/session -> Session (200 or 401)   DELETE /api/session -> 204
export interface Session {
  account: Id | null;
  phrase_confirmed: boolean;
  version: string;
  play: boolean; /* demo */
}
// POST /api/account AccountCreate -> AccountCreated (201)   GET /api/account -> Account   PATCH /api/account/profile ProfileUpdate -> Account
// POST /api/account/phrase/confirm PhraseConfirm -> 204    GET /api/account/phrase -> {words}    GET /api/devices -> Device[]   POST /api/devices/{device}/revoke -> 204
export interface AccountCreate {
  name: string;
  picture?: BlobHash | null;
  phrase?: string | null; /* restore */
}
export interface AccountCreated {
  account: Account;
  words: string[];
  confirm: number[]; /* two 0-based indexes to ask */
}
export interface PhraseConfirm {
  words: { index: number; word: string }[];
}
export interface Account {
  account: Id;
  device: Id;
  name: string;
  about: string;
  picture: BlobHash | null;
  phrase_confirmed: boolean;
  is_store: boolean;
  invite: string; /* hutong: URI */
}
export interface ProfileUpdate {
  name?: string;
  about?: string;
  picture?: BlobHash | null;
}
export interface Device {
  device: Id;
  name: string;
  added_at: Ms;
  this_device: boolean;
  revoked: boolean;
  online: boolean;
}
// ---- blobs: POST /api/blobs (raw bytes, Content-Type image/*) -> Blob (201)   GET /api/blobs/{hash} -> bytes (Range; fetched from peers when missing)
export interface Blob {
  hash: BlobHash;
  size: number;
  media_type: string;
}
// ---- contacts: GET /api/contacts -> Contact[]   POST /api/contacts ContactAdd -> Contact   GET /api/contacts/{account} -> Contact
// POST /api/contacts/{account}/accept | decline -> Contact   PATCH /api/contacts/{account} {alias?, blocked?} -> Contact   DELETE -> 204
// POST /api/links {uri} -> LinkPreview (what a pasted/scanned hutong: URI is, before acting)
export interface ContactAdd {
  uri?: string;
  account?: Id;
  text?: string;
}
export type ContactState = "outgoing" | "incoming" | "accepted" | "declined" | "blocked" | "none";
export interface Contact {
  account: Id;
  name: string;
  alias: string | null;
  about: string;
  picture: BlobHash | null;
  state: ContactState;
  text: string | null;
  since: Ms;
  online: boolean;
  last_seen: Ms | null;
  is_store: boolean;
}
export interface LinkPreview {
  kind: "contact" | "group" | "store" | "listing";
  id: Id;
  listing?: string | null;
  name: string | null;
  picture: BlobHash | null;
  known: boolean;
}
export interface Party {
  account: Id;
  name: string;
  picture: BlobHash | null;
  is_contact: boolean;
  is_store: boolean;
}
// ---- chats (direct and group). chat id: "direct-<account>" or "group-<group id>"
// GET /api/chats -> Chat[] (newest first)   GET /api/chats/{chat} -> Chat
// GET /api/chats/{chat}/messages?before=&limit=50 -> MessagePage (oldest first inside page)   POST same MessageSend -> Message
// POST /api/chats/{chat}/read {up_to: Id} -> 204   PATCH /api/chats/{chat} {muted?, pinned?} -> Chat   POST /api/chats/{chat}/retry -> 204 ("try now")
export interface Chat {
  chat: string;
  kind: "direct" | "group";
  title: string;
  picture: BlobHash | null;
  party: Party | null;
  group: Id | null;
  last: Message | null;
  unread: number;
  muted: boolean;
  pinned: boolean;
  members: number;
  online: boolean;
  can_write: boolean;
  why_not: string | null;
}
export type MessageState = "queued" | "sent" | "delivered" | "read" | "received";
export interface Message {
  id: Id;
  chat: string;
  author: Party;
  mine: boolean;
  at: Ms;
  text: string;
  reply_to: { id: Id; author: string; text: string } | null;
  card: Card | null;
  state: MessageState;
  waiting_for: string | null; /* why it is queued */
}
export interface MessagePage {
  messages: Message[];
  before: string | null; /* cursor for older */
}
export interface MessageSend {
  text: string;
  reply_to?: Id | null;
  card?: CardRef | null;
}
export type CardRef =
  | { kind: "listing"; store: Id; listing: string }
  | { kind: "contact"; account: Id }
  | { kind: "group"; group: Id }
  | { kind: "order"; order: Id };
export type Card =
  | {
      kind: "listing";
      store: Party;
      listing: string;
      title: string;
      price: Money | null;
      picture: BlobHash | null;
      available: boolean;
    }
  | { kind: "contact"; party: Party; uri: string }
  | { kind: "group"; group: Id; name: string; picture: BlobHash | null; uri: string }
  | { kind: "order"; order: Id; title: string; state: OrderState; total: Money | null };
// ---- groups: POST /api/groups GroupCreate -> Group (201)  GET /api/groups -> Group[]  POST /api/groups/join {uri} -> Group  GET /api/groups/{group} -> Group
// PATCH /api/groups/{group} {name?,about?,picture?} (owner) -> Group   POST /api/groups/{group}/leave -> 204
export interface GroupCreate {
  name: string;
  about?: string;
  picture?: BlobHash | null;
}
export interface Group {
  group: Id;
  name: string;
  about: string;
  picture: BlobHash | null;
  owner: Id;
  mine: boolean;
  joined: boolean;
  member_count: number;
  members: Party[];
  uri: string;
  peers: number;
  chat: string;
}
// ---- market
// GET /api/stores -> StoreSummary[] (known)   GET /api/stores/{account} -> Store   POST /api/stores/{account}/follow {uri?} -> Store   DELETE same -> 204
// GET /api/stores/{account}/listings?after=&limit=48&category= -> ListingPage   GET /api/market?after=&limit=48 -> ListingPage (all known goods, newest first)
// GET /api/stores/{account}/listings/{listing} -> Listing   GET .../reviews -> Reviews   POST .../recommend {text} -> 204   DELETE .../recommend -> 204
export interface StoreSummary {
  store: Id;
  name: string;
  about: string;
  logo: BlobHash | null;
  followed: boolean;
  online: boolean;
  last_seen: Ms | null;
  listing_count: number;
  rating: Rating;
  vacation: boolean;
}
export interface Store extends StoreSummary {
  banner: BlobHash | null;
  currency: string;
  languages: string[];
  opening_hours: string;
  contact: string;
  payment_methods: PaymentMethod[];
  shipping: ShippingOption[];
  pickup: PickupPlace[];
  returns: ReturnPolicy;
  policies: string;
  uri: string;
  mine: boolean;
}
export type PaymentMethodKind = "pay_on_delivery" | "bank_transfer";
export interface PaymentMethod {
  kind: PaymentMethodKind;
  instructions: string; /* bank account etc. */
}
export interface ShippingOption {
  id: string;
  name: string;
  zones: string[] /* ISO 3166-1/-2 codes, "*" = all */;
  rate: Money;
  additional_item: Money | null;
  free_from: Money | null;
  days_min: number;
  days_max: number;
}
export interface PickupPlace {
  id: string;
  name: string;
  address: string;
  hours: string;
}
export interface ReturnPolicy {
  days: number;
  who_pays: "buyer" | "seller";
  fee_basis_points: number;
  text: string;
}
export interface Rating {
  average_tenths: number | null /* 47 = 4.7 */;
  count: number;
  buyers: number /* distinct */;
  contacts: number; /* of my contacts */
}
export interface ListingSummary {
  store: Party;
  listing: string;
  title: string;
  price_min: Money;
  price_max: Money;
  compare_at: Money | null;
  picture: BlobHash | null;
  available: boolean;
  category: string;
  rating: Rating;
  recommended_by: string[] /* contact names */;
  unit_price: string | null;
}
export interface ListingPage {
  listings: ListingSummary[];
  after: string | null;
  total: number;
}
export interface Listing extends ListingSummary {
  record: Id;
  version: number;
  description: string;
  brand: string;
  tags: string[];
  condition: "new" | "used" | "refurbished";
  kind: "physical" | "digital" | "service";
  images: { hash: BlobHash; alt: string }[];
  options: { name: string; values: string[] }[];
  variants: Variant[];
  shipping: ShippingOption[];
  pickup: PickupPlace[];
  returns: ReturnPolicy;
  payment_methods: PaymentMethod[];
  store_online: boolean;
  store_last_seen: Ms | null;
  updated_at: Ms;
  uri: string;
  mine: boolean;
  status: "active" | "draft" | "archived";
}
export interface Variant {
  sku: string;
  options: string[] /* parallel to options[] */;
  price: Money;
  compare_at: Money | null;
  stock: number | null /* null = not tracked */;
  allow_backorder: boolean;
  weight_g: number | null;
  image: BlobHash | null;
  gtin: string | null;
  available: boolean;
}
export interface Reviews {
  rating: Rating;
  reviews: Review[];
}
export interface Review {
  id: Id;
  author: Party;
  from_contact: boolean;
  overall: number;
  text: string;
  photos: BlobHash[];
  at: Ms;
  verified: boolean /* countersigned by the seller for a real order */;
  mine: boolean;
}
// ---- my store: GET /api/store -> MyStore | 404   PUT /api/store StoreUpdate -> MyStore
// GET /api/store/listings?after=&limit=&status=&q= -> ListingPage  GET /api/store/listings/{listing} -> Listing   PUT /api/store/listings/{listing} ListingUpdate -> Listing   DELETE -> 204
// POST /api/store/import?dry_run=true  multipart: "csv" one file, "pictures" many files -> ImportReport (progress as events import_progress)   GET /api/store/export -> text/csv (Shopify current format)
// GET /api/store/questions -> Chat[] (customers' direct chats)
export interface MyStore extends Store {
  orders_waiting: number;
  out_of_stock: number;
  auto_quote: boolean;
}
export interface StoreUpdate {
  name: string;
  about: string;
  logo?: BlobHash | null;
  banner?: BlobHash | null;
  currency: string;
  languages?: string[];
  opening_hours?: string;
  contact?: string;
  payment_methods: PaymentMethod[];
  shipping: ShippingOption[];
  pickup: PickupPlace[];
  returns: ReturnPolicy;
  policies?: string;
  vacation?: boolean;
  auto_quote?: boolean;
}
export interface ListingUpdate {
  title: string;
  description: string;
  brand?: string;
  category?: string;
  tags?: string[];
  condition?: "new" | "used" | "refurbished";
  kind?: "physical" | "digital" | "service";
  status?: "active" | "draft" | "archived";
  images: { hash: BlobHash; alt: string }[];
  options: { name: string; values: string[] }[];
  variants: {
    sku: string;
    options: string[];
    price: Money;
    compare_at?: Money | null;
    stock: number | null;
    allow_backorder?: boolean;
    weight_g?: number | null;
    image?: BlobHash | null;
    gtin?: string | null;
  }[];
}
export interface ImportReport {
  dry_run: boolean;
  format: "shopify_current" | "shopify_legacy";
  applied: boolean;
  products: number;
  variants: number;
  created: number;
  updated: number;
  unchanged: number;
  pictures: number;
  errors: ImportIssue[];
  warnings: ImportIssue[];
  preview: {
    listing: string;
    title: string;
    price: string;
    variants: number;
    stock: number | null;
    pictures: number;
  }[]; /* first 20 */
}
export interface ImportIssue {
  row: number /* 1 = header */;
  column: string | null;
  message: string;
}
// ---- cart (kept on the node): GET /api/cart -> Cart   PUT /api/cart/lines CartSet -> Cart (quantity 0 removes)   DELETE /api/cart -> Cart
export interface CartSet {
  store: Id;
  listing: string;
  sku: string;
  quantity: number;
}
export interface Cart {
  stores: CartStore[];
  count: number;
}
export interface CartStore {
  store: StoreSummary;
  lines: CartLine[];
  subtotal: Money;
  shipping: ShippingOption[];
  pickup: PickupPlace[];
  payment_methods: PaymentMethod[];
  returns: ReturnPolicy;
}
export interface CartLine {
  listing: string;
  sku: string;
  title: string;
  options: string[];
  picture: BlobHash | null;
  quantity: number;
  price: Money;
  total: Money;
  stock: number | null;
  problem: string | null; /* sold out, price changed, gone */
}
// ---- addresses (kept on the node): GET /api/addresses -> Address[]   PUT /api/addresses Address[] -> Address[]
export interface Address {
  name: string;
  phone: string;
  country: string /* ISO 3166-1 */;
  region: string;
  city: string;
  street: string;
  postal_code: string;
}
// ---- orders: POST /api/orders OrderPlace -> Order (201)   GET /api/orders?role=buyer|seller&waiting=true -> OrderSummary[]   GET /api/orders/{order} -> Order
// POST /api/orders/{order}/actions OrderAction -> Order    POST /api/orders/{order}/review ReviewWrite -> Order
export interface OrderPlace {
  store: Id;
  lines: { listing: string; sku: string; quantity: number }[];
  fulfilment: { kind: "shipping"; option: string; address: Address } | { kind: "pickup"; place: string };
  payment_method: PaymentMethodKind;
  note?: string;
  auto_accept?: boolean;
}
export type OrderState =
  | "requested"
  | "quoted"
  | "accepted"
  | "in_progress"
  | "declined"
  | "expired"
  | "cancel_requested"
  | "cancelled"
  | "completed";
export type PaymentState =
  "unpaid" | "claimed" | "part_paid" | "paid" | "rejected" | "held" | "part_refunded" | "refunded";
export type LineState = "pending" | "ready" | "handed_over" | "delivered" | "failed";
export type CaseState = "none" | "open" | "ruled" | "settled";
export type ReturnState = "none" | "requested" | "authorised" | "declined" | "sent" | "received";
export interface OrderSummary {
  order: Id;
  role: "buyer" | "seller";
  other: Party;
  state: OrderState;
  payment: PaymentState;
  title: string;
  picture: BlobHash | null;
  items: number;
  total: Money | null;
  placed_at: Ms;
  updated_at: Ms;
  next_actor: "buyer" | "seller" | "nobody";
  fulfilment: "shipping" | "pickup";
}
export interface Order extends OrderSummary {
  lines: {
    listing: string;
    sku: string;
    title: string;
    options: string[];
    picture: BlobHash | null;
    quantity: number;
    price: Money;
    total: Money;
    state: LineState;
  }[];
  quote: Quote | null;
  address: Address | null;
  pickup: PickupPlace | null;
  payment_method: PaymentMethodKind;
  payment_instructions: string;
  paid: Money | null;
  refunded: Money | null;
  shortfall: Money | null;
  money_with: "buyer" | "seller" | "escrow" | "nobody";
  tracking: { carrier: string; number: string } | null;
  pickup_pin: string | null /* buyer only */;
  note: string;
  case: CaseState;
  returns: ReturnState;
  timeline: OrderEvent[];
  actions: OrderActionKind[] /* what I may do now */;
  expires_at: Ms | null;
  review: Review | null;
  delivery: "queued" | "sent" | "delivered" /* of my newest entry to the other's node */;
  chat: string;
}
export interface Quote {
  lines: Money;
  shipping: Money;
  tax: Money;
  discount: Money;
  total: Money;
  valid_until: Ms;
  lease_until: Ms;
  terms: string;
}
export interface OrderEvent {
  id: Id;
  at: Ms;
  actor: "buyer" | "seller";
  kind: string /* e.g. "requested","quoted","accepted","payment_claimed","payment_accepted","in_progress","handed_over","delivered","completed","refunded",... */;
  note: string;
  amount: Money | null;
  ignored: string | null; /* why it had no effect */
}
export type OrderActionKind =
  | "accept_quote"
  | "cancel"
  | "approve_cancel"
  | "refuse_cancel"
  | "claim_payment"
  | "accept_payment"
  | "reject_payment"
  | "quote"
  | "decline"
  | "start"
  | "ready"
  | "hand_over"
  | "confirm_delivery"
  | "fail_delivery"
  | "enter_pin"
  | "complete"
  | "refund"
  | "request_return"
  | "authorise_return"
  | "decline_return"
  | "return_sent"
  | "return_received"
  | "open_case"
  | "propose_settlement"
  | "accept_settlement"
  | "review";
export interface OrderAction {
  action: OrderActionKind;
  reason?: string;
  amount?: Money;
  reference?: string;
  carrier?: string;
  tracking?: string;
  pin?: string;
  text?: string;
}
export interface ReviewWrite {
  listing: string;
  overall: number;
  text: string;
  photos?: BlobHash[];
}
// ---- search: GET /api/search?q=&kinds=listing,store,person,group,message&limit=8 -> SearchResults (as you type)
export interface SearchResults {
  query: string;
  sections: { kind: SearchKind; total: number; hits: SearchHit[] }[];
  took_us: number;
}
export type SearchKind = "listing" | "store" | "person" | "group" | "message";
export interface SearchHit {
  kind: SearchKind;
  id: string /* listing: "<store>/<listing>"; message: "<chat>/<id>" */;
  title: string;
  snippet: string;
  highlights: [number, number][] /* UTF-16 ranges in title */;
  picture: BlobHash | null;
  price: Money | null;
  why: string[] /* e.g. "in_stock","bought_by:Mei","recommended_by:Li" */;
  at: Ms | null;
  available: boolean | null;
}
// ---- network: GET /api/network -> Network    POST /api/network/dial {address} -> 204
export interface Network {
  device: Id;
  listen: string[];
  external: string[];
  reachability: "unknown" | "local_only" | "public";
  peers: {
    device: Id;
    account: Id | null;
    name: string | null;
    address: string;
    transport: "tcp" | "quic";
    direction: "in" | "out";
    rtt_ms: number | null;
    score: number;
    topics: number;
    since: Ms;
  }[];
  traffic: {
    bytes_in: number;
    bytes_out: number;
    records_in: number;
    records_out: number;
    duplicates: number;
    rejected: number;
  };
  topics: { topic: string; kind: string; name: string | null; records: number; peers: number }[];
  outbox: { queued: number; oldest_at: Ms | null };
  store: { records: number; bytes: number; blobs: number; blob_bytes: number };
}
// ---- settings: GET /api/settings -> Settings   PUT /api/settings Settings -> Settings
export interface Settings {
  language: "auto" | "en" | "zh";
  theme: "auto" | "light" | "dark";
  read_receipts: boolean;
  mdns: boolean;
}
// ---- live events: WebSocket GET /api/events -> Event per text frame. After (re)connect the client refetches what it shows.
export type Event =
  | { type: "message"; message: Message }
  | { type: "message_state"; chat: string; ids: Id[]; state: MessageState }
  | { type: "chat"; chat: Chat }
  | { type: "contact"; contact: Contact }
  | { type: "group"; group: Id }
  | { type: "profile"; account: Id }
  | { type: "presence"; account: Id; online: boolean }
  | { type: "listing"; store: Id; listing: string }
  | { type: "store"; store: Id }
  | { type: "order"; order: OrderSummary }
  | { type: "review"; store: Id; listing: string }
  | { type: "cart"; count: number }
  | { type: "import_progress"; done: number; total: number }
  | { type: "sync_progress"; topic: string; received: number; done: boolean }
  | { type: "blob"; hash: BlobHash }
  | { type: "network"; peers: number }
  | { type: "missed" /* server dropped events: refetch */ };
