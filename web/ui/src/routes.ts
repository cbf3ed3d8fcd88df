/** Every address of the app. Order matters: the first match wins. */
import type { Route } from "$lib/router.svelte";

const chats = () => import("$features/chat/ChatList.svelte");
const contacts = () => import("$features/contact/ContactList.svelte");
const orders = () => import("$features/order/Orders.svelte");
const sales = () => import("$features/store/StoreOrders.svelte");
const me = () => import("$features/account/Me.svelte");

export const routes: Route[] = [
  { path: "/", tab: "chats", list: chats },
  { path: "/chats", tab: "chats", list: chats },
  {
    path: "/chats/:chat",
    tab: "chats",
    list: chats,
    page: () => import("$features/chat/Conversation.svelte"),
    full: true,
  },

  { path: "/contacts", tab: "contacts", list: contacts },
  {
    path: "/contacts/add",
    tab: "contacts",
    list: contacts,
    page: () => import("$features/contact/AddContact.svelte"),
    full: true,
  },
  {
    path: "/contacts/requests",
    tab: "contacts",
    list: contacts,
    page: () => import("$features/contact/Requests.svelte"),
    full: true,
  },
  {
    path: "/contacts/:account/safety",
    tab: "contacts",
    list: contacts,
    page: () => import("$features/contact/SafetyPage.svelte"),
    full: true,
  },
  {
    path: "/contacts/:account",
    tab: "contacts",
    list: contacts,
    page: () => import("$features/contact/ContactPage.svelte"),
    full: true,
  },

  {
    path: "/groups/new",
    tab: "contacts",
    list: contacts,
    page: () => import("$features/group/NewGroup.svelte"),
    full: true,
  },
  {
    path: "/groups/:group/invite",
    tab: "contacts",
    list: contacts,
    page: () => import("$features/group/GroupInvite.svelte"),
    full: true,
  },
  {
    path: "/groups/:group/requests",
    tab: "contacts",
    list: contacts,
    page: () => import("$features/group/GroupRequests.svelte"),
    full: true,
  },
  {
    path: "/groups/:group/settings",
    tab: "contacts",
    list: contacts,
    page: () => import("$features/group/GroupSettings.svelte"),
    full: true,
  },
  {
    path: "/groups/:group/banned",
    tab: "contacts",
    list: contacts,
    page: () => import("$features/group/GroupBanned.svelte"),
    full: true,
  },
  {
    path: "/groups/:group",
    tab: "contacts",
    list: contacts,
    page: () => import("$features/group/GroupPage.svelte"),
    full: true,
  },

  { path: "/discover", tab: "discover", page: () => import("$features/discover/Discover.svelte") },

  { path: "/market", tab: "market", page: () => import("$features/market/Market.svelte") },
  {
    path: "/market/search",
    tab: "market",
    page: () => import("$features/market/MarketSearch.svelte"),
    full: true,
  },
  {
    path: "/store/:account",
    tab: "market",
    page: () => import("$features/market/StorePage.svelte"),
    full: true,
  },
  {
    path: "/store/:account/:listing",
    tab: "market",
    page: () => import("$features/market/ListingPage.svelte"),
    full: true,
  },
  { path: "/cart", tab: "market", page: () => import("$features/market/CartPage.svelte"), full: true },
  {
    path: "/checkout/:store",
    tab: "market",
    page: () => import("$features/market/Checkout.svelte"),
    full: true,
  },
  { path: "/orders", tab: "me", list: orders, full: true },
  {
    path: "/orders/:order",
    tab: "me",
    list: orders,
    page: () => import("$features/order/OrderPage.svelte"),
    full: true,
  },

  { path: "/mystore", tab: "me", page: () => import("$features/store/StoreHome.svelte"), full: true },
  {
    path: "/mystore/listings",
    tab: "me",
    page: () => import("$features/store/StoreListings.svelte"),
    full: true,
  },
  {
    path: "/mystore/listings/:listing",
    tab: "me",
    page: () => import("$features/store/StoreListing.svelte"),
    full: true,
  },
  {
    path: "/mystore/import",
    tab: "me",
    page: () => import("$features/store/StoreImport.svelte"),
    full: true,
  },
  {
    path: "/mystore/orders",
    tab: "me",
    list: sales,
    full: true,
  },
  {
    path: "/mystore/orders/:order",
    tab: "me",
    list: sales,
    page: () => import("$features/order/OrderPage.svelte"),
    full: true,
  },
  {
    path: "/mystore/questions",
    tab: "me",
    page: () => import("$features/store/StoreQuestions.svelte"),
    full: true,
  },
  {
    path: "/mystore/settings",
    tab: "me",
    page: () => import("$features/store/StoreSettings.svelte"),
    full: true,
  },

  { path: "/me", tab: "me", list: me },
  {
    path: "/me/profile",
    tab: "me",
    list: me,
    page: () => import("$features/account/Profile.svelte"),
    full: true,
  },
  {
    path: "/me/phrase",
    tab: "me",
    list: me,
    page: () => import("$features/account/Phrase.svelte"),
    full: true,
  },
  {
    path: "/me/devices",
    tab: "me",
    list: me,
    page: () => import("$features/account/Devices.svelte"),
    full: true,
  },
  {
    path: "/me/devices/add",
    tab: "me",
    list: me,
    page: () => import("$features/account/AddDevice.svelte"),
    full: true,
  },
  {
    path: "/me/mailboxes",
    tab: "me",
    list: me,
    page: () => import("$features/mailbox/MailboxesPage.svelte"),
    full: true,
  },
  {
    path: "/me/settings",
    tab: "me",
    list: me,
    page: () => import("$features/settings/SettingsPage.svelte"),
    full: true,
  },
  {
    path: "/me/network",
    tab: "me",
    list: me,
    page: () => import("$features/network/NetworkPage.svelte"),
    full: true,
  },
];
