/** The addresses of the market's screens. */
import { seg } from "$lib/api";

export const MARKET = "/market";
export const MARKET_SEARCH = `${MARKET}/search`;
export const CART = "/cart";
export const ORDERS = "/orders";
export const MY_STORE = "/mystore";
export const searchPath = (query: string): string => `${MARKET_SEARCH}?q=${encodeURIComponent(query)}`;
export const storePath = (store: string): string => `/store/${seg(store)}`;
export const listingPath = (store: string, listing: string): string => `${storePath(store)}/${seg(listing)}`;
export const checkoutPath = (store: string): string => `/checkout/${seg(store)}`;
export const orderPath = (order: string): string => `/orders/${seg(order)}`;
export const saleOrderPath = (order: string): string => `/mystore/orders/${seg(order)}`;
export const directChatPath = (account: string): string => `/chats/${seg(`direct-${account}`)}`;
export const productPath = (listing: string): string => `/mystore/listings/${seg(listing)}`;
export const saleOrdersPath = `${MY_STORE}/orders`;
