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
  postage: "陌生人请求的邮资",
  postageHint: "不认识你任何联系人的人，要让自己的节点先计算这么久才能向你发请求。这样可以挡住大量骚扰。",
  postages: { 0: "不需要", 20: "一瞬间", 24: "几秒钟（默认）", 26: "大约十秒", 28: "一分钟以上" },
  postageOther: (bits: number) => `${bits} 位`,
  mdns: "发现本地网络中的节点",
  mdnsHint: "你的节点会向同一 Wi-Fi 或有线网络中的节点宣告自己（mDNS）。",
  sharePresence: "显示我在线和正在输入",
  sharePresenceHint:
    "对方能看到你是否在线、是否正在输入，你也能看到同样开启者的状态。关闭后既不发送也不显示。",
  files: "图片和文件",
  autoFetch: "自动获取",
  autoFetchHint: "不超过这个大小的内容会自动获取，更大的文件等你来取。",
  autoFetchOff: "不自动获取",
  autoFetchUpTo: (size: string) => `不超过 ${size}`,
} satisfies Messages;
