import type { Messages } from "./messages.en";

export default {
  label: "搜索商品、联系人、消息",
  short: "搜索",
  sections: { listing: "商品", store: "店铺", person: "联系人", group: "群组", message: "消息" },
  results: "搜索结果",
  none: (query: string) => `没有找到“${query}”`,
  noneText: "节点只搜索它知道的内容。多关注几家店、多加几个群，能搜到的就更多。",
  all: (total: number) => `查看全部 ${total} 件商品`,
  openLink: "打开这个链接",
  why: {
    in_stock: () => "有货",
    sold_out: () => "已售罄",
    bought_by: (name: string) => `${name}买过`,
    recommended_by: (name: string) => `${name}推荐`,
    followed: () => "已关注的店",
    contact: () => "联系人",
  },
  keys: "↑ ↓ 选择，回车打开，Esc 关闭",
} satisfies Messages;
