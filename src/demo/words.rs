//! What the neighbours and shops answer. A few sensible lines, in the language they were spoken to in.

/// Whether a text is Chinese, as far as an answer needs to know.
pub(super) fn is_chinese(text: &str) -> bool {
    text.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter))
}

/// Words that a text may contain, and what is answered then, in English and in Chinese.
type Topic = (&'static [&'static str], &'static str, &'static str);

const NEIGHBOUR: [Topic; 8] = [
    (
        &["strawberr", "草莓", "peach", "桃"],
        "Take the big box. The small one never survives the walk home 🍓",
        "买大份的，小份的走不到家就吃完了🍓",
    ),
    (
        &["shop", "store", "buy", "market", "店", "买", "市场"],
        "Dawn Greens for anything that grows, Old Lane for anything that breaks.",
        "吃的找清晨果蔬，用的找老巷杂货。",
    ),
    (
        &["pay", "money", "bank", "付", "钱", "转账"],
        "I pay on delivery mostly, easy enough. Transfers work too.",
        "我一般货到付款，省事；转账也行。",
    ),
    (
        &["dinner", "cook", "eat", "饭", "吃", "做菜"],
        "Dumplings tonight, and I always make too many. Six o'clock?",
        "今晚包饺子，肯定包多了，六点过来？",
    ),
    (
        &["weather", "rain", "天气", "下雨"],
        "Looks like rain after four. Take the laundry in!",
        "四点以后有雨，记得收衣服！",
    ),
    (&["thank", "谢"], "Any time!", "客气啥，邻居嘛！"),
    (&["hello", "hi ", "hey", "你好", "您好", "早", "嗨"], "Hello hello! Settled in yet?", "你好呀！都安顿好了吗？"),
    (&["bye", "night", "再见", "晚安"], "Sleep well! See you in the yard.", "晚安，院里见！"),
];

const NEIGHBOUR_ELSE: [(&str, &str); 5] = [
    ("Ha, exactly what I thought.", "哈哈，我也这么想。"),
    ("Tell me more over tea?", "改天喝茶细聊？"),
    ("Good to know, thanks for telling me 🙂", "知道啦，谢谢告诉我🙂"),
    ("I'll ask around in the yard.", "我在院里帮你问问。"),
    ("Let me think about that… yes, why not!", "让我想想……行啊！"),
];

const SHOP: [Topic; 8] = [
    (
        &["fresh", "today", "新鲜", "今天"],
        "In this morning, every day. What is left at eight goes to the neighbours.",
        "每天早上到货，晚上八点剩下的送邻居。",
    ),
    (
        &["deliver", "ship", "parcel", "送", "发货", "快递", "物流"],
        "We pack within the hour. You get the tracking number here and in the order.",
        "一小时内打包，单号会发在这里和订单里。",
    ),
    (
        &["pick", "collect", "fetch", "自提", "取货", "拿"],
        "Choose pickup at checkout. When you stand at the counter, send me the PIN from your order.",
        "结账选自提，到店把订单里的取货码发我就行。",
    ),
    (
        &["pay", "bank", "transfer", "付", "转账", "钱"],
        "Pay on delivery, or by transfer: then tell us the reference in the order and we confirm it.",
        "货到付款或转账都行；转账后在订单里填一下附言，我们就确认。",
    ),
    (
        &["return", "refund", "bad", "broken", "退", "坏", "破"],
        "Sorry about that! Ask for a return in the order, and we will make it good.",
        "不好意思！在订单里申请退货，我们一定处理好。",
    ),
    (
        &["price", "discount", "cheap", "价", "便宜", "优惠", "打折"],
        "Prices are as on the card, and delivery is free on larger orders. I put in something small 😊",
        "价格就是卡片上的，满额免运费，我再送您点小东西😊",
    ),
    (
        &["open", "hour", "营业", "几点", "开门"],
        "Our hours are on the store's page; in this chat somebody is nearly always there.",
        "营业时间在店铺页；这里基本随时有人。",
    ),
    (
        &["hello", "hi ", "hey", "你好", "您好", "在吗"],
        "Hello and welcome! What are you looking for?",
        "您好，欢迎光临！想看点什么？",
    ),
];

const SHOP_ELSE: [(&str, &str); 3] = [
    ("Let me look in the back and get back to you. Is there anything else?", "我去后面看看再回您，还需要别的吗？"),
    (
        "Yes, we have that. You find it under Market, or I post the card here.",
        "有的，在市场里能看到，我也可以把卡片发给您。",
    ),
    ("Of course! Just put a note on the order.", "没问题！下单时备注一下就好。"),
];

/// A neighbour's answer; `turn` makes it another one next time.
pub(super) fn neighbour(text: &str, turn: usize) -> &'static str {
    answer(text, turn, &NEIGHBOUR, &NEIGHBOUR_ELSE)
}

/// A shop's answer.
pub(super) fn shop(text: &str, turn: usize) -> &'static str {
    answer(text, turn, &SHOP, &SHOP_ELSE)
}

fn answer(text: &str, turn: usize, topics: &[Topic], otherwise: &[(&'static str, &'static str)]) -> &'static str {
    // A space at the end: "hi" is a word, "which" is not about it.
    let lower = format!("{} ", text.to_lowercase());
    let known = topics.iter().find(|(words, ..)| words.iter().any(|word| lower.contains(word)));
    let (english, chinese) = match known {
        Some((_, english, chinese)) => (*english, *chinese),
        None => otherwise.get(turn % otherwise.len().max(1)).copied().unwrap_or(("👍", "👍")),
    };
    if is_chinese(text) { chinese } else { english }
}

/// The PIN in a message that is nothing else: four to eight digits.
pub(super) fn pin(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let rest = text.chars().filter(|letter| letter.is_alphanumeric() && !letter.is_ascii_digit()).count();
    ((4..=8).contains(&digits.len()) && rest <= 8).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_in_the_language_of_the_question() {
        assert!(is_chinese(neighbour("你好", 0)) && !is_chinese(neighbour("Hello!", 0)));
        assert!(is_chinese(shop("什么时候发货？", 0)) && !is_chinese(shop("When do you ship?", 0)));
        assert_ne!(neighbour("xyz", 0), neighbour("xyz", 1));
    }

    #[test]
    fn only_a_pin_is_taken_for_a_pin() {
        assert_eq!(pin("492013").as_deref(), Some("492013"));
        assert_eq!(pin("PIN: 4920 13").as_deref(), Some("492013"));
        assert_eq!(pin("取货码 4920"), Some("4920".to_owned()));
        assert_eq!(pin("I would like 12345 strawberries please"), None);
        assert_eq!(pin("ok"), None);
    }
}
