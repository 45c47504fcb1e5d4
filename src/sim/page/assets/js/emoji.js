// The shortcodes people and bots really use in an operations channel. An unknown one stays as typed, as in Slack.
const TABLE = `
red_circle 🔴|large_orange_circle 🟠|large_yellow_circle 🟡|large_green_circle 🟢|large_blue_circle 🔵|large_purple_circle 🟣
large_brown_circle 🟤|white_circle ⚪|black_circle ⚫|red_square 🟥|large_red_square 🟥|large_orange_square 🟧|large_yellow_square 🟨
large_green_square 🟩|large_blue_square 🟦|large_purple_square 🟪|white_large_square ⬜|black_large_square ⬛|large_orange_diamond 🔶
large_blue_diamond 🔷|small_orange_diamond 🔸|small_blue_diamond 🔹|small_red_triangle 🔺|small_red_triangle_down 🔻
warning ⚠️|white_check_mark ✅|heavy_check_mark ✔️|ballot_box_with_check ☑️|x ❌|negative_squared_cross_mark ❎|no_entry ⛔|no_entry_sign 🚫
bell 🔔|no_bell 🔕|mute 🔇|loud_sound 🔊|mega 📣|loudspeaker 📢|eyes 👀|fire 🔥|hourglass ⌛|hourglass_flowing_sand ⏳|rotating_light 🚨|zzz 💤
mag 🔍|mag_right 🔎|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|bar_chart 📊|stopwatch ⏱️|timer_clock ⏲️|alarm_clock ⏰
clock1 🕐|clock3 🕒|clock9 🕘|calendar 📅|date 📅|spiral_calendar_pad 🗓️|information_source ℹ️|question ❓|grey_question ❔|exclamation ❗
heavy_exclamation_mark ❗|grey_exclamation ❕|bangbang ‼️|interrobang ⁉️|bulb 💡|wrench 🔧|hammer_and_wrench 🛠️|gear ⚙️|toolbox 🧰
lock 🔒|unlock 🔓|key 🔑|shield 🛡️|link 🔗|paperclip 📎|pushpin 📌|round_pushpin 📍|memo 📝|clipboard 📋|page_facing_up 📄|scroll 📜
books 📚|book 📖|bookmark 🔖|label 🏷️|file_folder 📁|open_file_folder 📂|package 📦|wastebasket 🗑️|inbox_tray 📥|outbox_tray 📤
rocket 🚀|satellite 🛰️|satellite_antenna 📡|electric_plug 🔌|battery 🔋|computer 💻|desktop_computer 🖥️|iphone 📱|telephone_receiver 📞
pager 📟|globe_with_meridians 🌐|earth_americas 🌎|moneybag 💰|money_with_wings 💸|coin 🪙|dollar 💵|bank 🏦|scales ⚖️|chains ⛓️
arrow_up ⬆️|arrow_down ⬇️|arrow_left ⬅️|arrow_right ➡️|arrow_upper_right ↗️|arrow_lower_right ↘️|arrows_counterclockwise 🔄|repeat 🔁
arrow_forward ▶️|double_vertical_bar ⏸️|black_square_for_stop ⏹️|fast_forward ⏩|heavy_plus_sign ➕|heavy_minus_sign ➖|infinity ♾️
thumbsup 👍|+1 👍|thumbsdown 👎|-1 👎|ok_hand 👌|wave 👋|raised_hands 🙌|clap 👏|pray 🙏|muscle 💪|point_right 👉|point_up ☝️|handshake 🤝
raised_hand ✋|hand ✋|writing_hand ✍️|bow 🙇|bust_in_silhouette 👤|busts_in_silhouette 👥|male-technologist 👨‍💻|female-technologist 👩‍💻
smile 😄|smiley 😃|grinning 😀|slightly_smiling_face 🙂|wink 😉|joy 😂|sweat_smile 😅|thinking_face 🤔|neutral_face 😐|confused 😕
disappointed 😞|cry 😢|sob 😭|scream 😱|rage 😡|sleeping 😴|face_with_monocle 🧐|sunglasses 😎|robot_face 🤖|skull 💀|ghost 👻|see_no_evil 🙈
heart ❤️|green_heart 💚|blue_heart 💙|broken_heart 💔|sparkles ✨|star ⭐|star2 🌟|tada 🎉|trophy 🏆|dart 🎯|100 💯|boom 💥|zap ⚡|snowflake ❄️
sunny ☀️|sunrise 🌅|crescent_moon 🌙|cloud ☁️|rainbow 🌈|ocean 🌊|anchor ⚓|ambulance 🚑|fire_engine 🚒|police_car 🚓|checkered_flag 🏁
triangular_flag_on_post 🚩|white_flag 🏳️|construction 🚧|vertical_traffic_light 🚦|octagonal_sign 🛑|radioactive_sign ☢️|biohazard_sign ☣️
adhesive_bandage 🩹|thermometer 🌡️|microscope 🔬|telescope 🔭|test_tube 🧪|crystal_ball 🔮|coffee ☕|beer 🍺|pizza 🍕|owl 🦉|turtle 🐢|snail 🐌
lighthouse 🗼|speech_balloon 💬|thought_balloon 💭|left_speech_bubble 🗨️|new 🆕|up 🆙|ok 🆗|sos 🆘|free 🆓|cool 🆒|recycle ♻️|copyright ©️
one 1️⃣|two 2️⃣|three 3️⃣|four 4️⃣|five 5️⃣|six 6️⃣|seven 7️⃣|eight 8️⃣|nine 9️⃣|zero 0️⃣|keycap_ten 🔟|passport_control 🛂|identification_card 🪪`;

export const EMOJI = new Map(
  TABLE.trim().split(/[|\n]/).map((entry) => {
    const cut = entry.indexOf(" ");
    return [entry.slice(0, cut), entry.slice(cut + 1)];
  }),
);

/** Offered on the reaction picker, most useful first. */
export const REACTIONS = ["eyes", "white_check_mark", "+1", "raised_hands", "fire", "rotating_light", "hourglass_flowing_sand",
  "thinking_face", "pray", "tada", "heart", "-1"];

export const emoji = (name) => EMOJI.get(name.replace(/::skin-tone-\d$/, ""));
