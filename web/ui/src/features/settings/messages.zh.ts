import type { Messages } from "./messages.en";

export default {
  title: "设置",
  look: "外观",
  language: "语言",
  languageAuto: "跟随浏览器",
  theme: "主题",
  themes: { auto: "跟随系统", light: "浅色", dark: "深色" },
  privacy: "隐私",
  readReceipts: "已读回执",
  readReceiptsHint: "让对方知道你已读过消息。",
  mdns: "发现本地网络中的节点",
  mdnsHint: "你的节点会向同一 Wi-Fi 或有线网络中的节点宣告自己（mDNS）。",
} satisfies Messages;
