export const en = {
  title: "Settings",
  look: "Appearance",
  language: "Language",
  languageAuto: "Same as the browser",
  theme: "Theme",
  themes: { auto: "Same as the system", light: "Light", dark: "Dark" },
  privacy: "Privacy",
  readReceipts: "Read receipts",
  readReceiptsHint: "Others see when you have read their messages.",
  postage: "Postage for requests of strangers",
  postageHint:
    "Whoever knows none of your contacts makes their node work so long before it may ask you. It keeps floods of requests away.",
  postages: {
    0: "None",
    20: "A moment",
    24: "A few seconds (usual)",
    26: "About ten seconds",
    28: "A minute or more",
  } as Record<number, string>,
  postageOther: (bits: number) => `${bits} bits`,
  mdns: "Find nodes on this network",
  mdnsHint: "Your node announces itself to others on the same Wi-Fi or cable (mDNS).",
  sharePresence: "Show when I am here and writing",
  sharePresenceHint:
    "Others see that you are online and when you are writing, and you see it of those who share it too. Off: neither is sent nor shown.",
  files: "Photos and files",
  autoFetch: "Fetch by itself",
  autoFetchHint:
    "Up to this size, what others send comes without being asked for. Larger files wait for you.",
  autoFetchOff: "Nothing",
  autoFetchUpTo: (size: string) => `Up to ${size}`,
};

export type Messages = typeof en;
